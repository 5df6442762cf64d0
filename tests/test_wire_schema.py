"""docs/*.schema.json against the structs of the code and the messages of a real line."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from pipeline.client import DetectionMessage, DetectionSubscriber, EventMessage, StatusMessage
from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import LOSSES
from tests.conftest import StartLine
from tests.integration.test_events import street

Schemas = dict[str, dict[str, Any]]
Validators = dict[str, jsonschema.Draft202012Validator]

CLIP = "scene://street?seed=7&width=320&height=240&seconds=1"


@pytest.fixture(scope="module")
def schemas(repository: Path) -> Schemas:
    return {
        kind: json.loads((repository / f"docs/{kind}.schema.json").read_text())
        for kind in ("detection", "status", "event")
    }


@pytest.fixture(scope="module")
def validators(schemas: Schemas) -> Validators:
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    return {kind: jsonschema.Draft202012Validator(schema) for kind, schema in schemas.items()}


def definition(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """What msgspec says of a message."""
    found: dict[str, Any] = msgspec.json.schema(struct)["$defs"][struct.__name__]
    return found


@pytest.mark.parametrize(
    ("kind", "struct"),
    [("detection", DetectionMessage), ("status", StatusMessage), ("event", EventMessage)],
)
def test_schema_has_every_field_of_the_struct_and_no_more(
    schemas: Schemas, kind: str, struct: type[msgspec.Struct]
) -> None:
    described = schemas[kind]["properties"]
    assert list(described) == list(definition(struct)["properties"])
    generated = definition(struct)
    # `why` has a default in the code, for those who make messages, and is always sent.
    always = generated["required"] if struct is EventMessage else generated["properties"]
    assert set(schemas[kind]["required"]) == set(always)


def test_schema_has_every_field_of_a_detection(schemas: Schemas) -> None:
    generated = msgspec.json.schema(DetectionMessage)["$defs"]["Detection"]
    described = schemas["detection"]["$defs"]["detection"]
    assert list(described["properties"]) == list(generated["properties"])
    assert described["required"] == generated["required"]


def test_schema_has_every_field_of_a_track_that_ended(schemas: Schemas) -> None:
    generated = msgspec.json.schema(EventMessage)["$defs"]["TrackSummary"]
    described = schemas["event"]["$defs"]["life"]
    assert list(described["properties"]) == list(generated["properties"])
    assert described["required"] == generated["required"]


def test_schema_names_every_kind_and_reason_of_events(schemas: Schemas) -> None:
    generated, described = definition(EventMessage)["properties"], schemas["event"]["properties"]
    assert sorted(described["kind"]["enum"]) == sorted(generated["kind"]["enum"])
    reasons = [option["enum"] for option in generated["reason"]["anyOf"] if "enum" in option]
    assert [sorted(described["reason"]["enum"])] == [sorted(words) for words in reasons]
    fields = schemas["event"]["allOf"]
    assert [rule["if"]["properties"]["kind"]["const"] for rule in fields] == (
        described["kind"]["enum"]
    )


def test_schema_names_every_state_and_reason(schemas: Schemas) -> None:
    states = schemas["status"]["properties"]["state"]["enum"]
    assert states == [state.label for state in CameraState]
    reasons = schemas["detection"]["properties"]["drops"]["propertyNames"]["enum"]
    assert reasons == [reason.label for reason in LOSSES]


def test_real_messages_fit_the_schemas(start_line: StartLine, validators: Validators) -> None:
    line = start_line("--source", CLIP)
    received: dict[str, list[dict[str, Any]]] = {"detection": [], "status": []}
    with DetectionSubscriber(
        f"ipc://{line.jsonl.parent}/pub", timeout_s=60, patience_s=None
    ) as subscriber:
        for message in subscriber:
            kind = "status" if isinstance(message, StatusMessage) else "detection"
            received[kind].append(json.loads(msgspec.json.encode(message)))
            if isinstance(message, StatusMessage) and message.state == "ended":
                break
    assert line.wait() == 0, line.stderr
    recorded = [json.loads(row) for row in line.jsonl.read_text().splitlines()]
    assert len(recorded) == 25
    assert any(message["detections"] for message in recorded)
    assert received["detection"], "nothing was published"
    for kind, messages in (("detection", recorded), *received.items()):
        for message in messages:
            validators[kind].validate(message)


def test_real_events_fit_the_schema(
    start_line: StartLine, validators: Validators, schemas: Schemas, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    line = start_line(*street(path), model=None)
    assert line.wait() == 0, line.stderr
    events = [json.loads(row) for row in path.read_text().splitlines()]
    assert {event["kind"] for event in events} == {*schemas["event"]["properties"]["kind"]["enum"]}
    for event in events:
        validators["event"].validate(event)


def test_drops_of_a_live_source_fit_the_schema(
    start_line: StartLine, validators: Validators, slow_model: Path
) -> None:
    source = f"{{uri: '{CLIP}&fps=100', live: true}}"  # more than the model can do
    line = start_line("--set", f"sources=[{source}]", model=slow_model)
    assert line.wait() == 0, line.stderr
    recorded = [json.loads(row) for row in line.jsonl.read_text().splitlines()]
    assert any(message["drops"] for message in recorded)
    for message in recorded:
        validators["detection"].validate(message)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"v": 2}, "another version"),
        ({"seq": -1}, "negative count"),
        ({"status": "fine"}, "unknown status"),
        ({"status": "error"}, "an error that says nothing"),
        ({"status": "idle"}, "objects where nothing was looked at"),
        ({"status": "idle", "detections": [], "why": "rain"}, "a reason where none is needed"),
        ({"drops": {"bored": 1}}, "unknown reason"),
        ({"age_ms": None}, "no age"),
        ({"detections": [{"label": "car", "class_id": 0, "score": 1.5, "box": [0, 0, 1, 1]}]}, ""),
        ({"detections": [{"label": "car", "class_id": 0, "score": 0.5, "box": [0, 0, 1]}]}, ""),
    ],
)
def test_schema_refuses_wrong_messages(
    repository: Path, validators: Validators, change: dict[str, Any], why: str
) -> None:
    example = examples(repository)["detections"]
    validators["detection"].validate(example)
    validators["detection"].validate(example | {"status": "idle", "detections": []})
    with pytest.raises(jsonschema.ValidationError):
        validators["detection"].validate(example | change)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"v": 2}, "another version"),
        ({"seq": -1}, "negative count"),
        ({"kind": "zone_vanish"}, "unknown kind"),
        ({"kind": "track_end"}, "an end without a reason"),
        ({"direction": "in"}, "a stay has none"),
        ({"region": None}, "no zone"),
        ({"reason": "bored"}, "unknown reason"),
        ({"life": {"path": []}}, "a life of nothing"),
    ],
)
def test_schema_refuses_wrong_events(
    repository: Path, validators: Validators, change: dict[str, Any], why: str
) -> None:
    example = examples(repository)["event"]
    validators["event"].validate(example)
    with pytest.raises(jsonschema.ValidationError):
        validators["event"].validate(example | change)


def examples(repository: Path) -> dict[str, dict[str, Any]]:
    """The messages on the page, by type."""
    page = (repository / "docs/wire_format.md").read_text()
    found = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", page, re.S | re.M)]
    return {message["type"]: message for message in found}
