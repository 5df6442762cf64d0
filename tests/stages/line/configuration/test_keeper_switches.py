"""Detection and recording of a camera, switched."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from stages.services import line_control as told
from tests.stages.line.configuration.kept import TEXT, Kept, Reply


def switches(kept: Kept) -> Reply:
    return kept.ask(told.ReadSwitches(camera="gate"))


def switch(kept: Kept, wanted: Mapping[str, Any], **options: Any) -> Reply:
    to = told.CameraSwitches("gate", msgspec.json.encode(wanted))
    return kept.ask(told.Change(to=to, **options))


def test_switches_are_read_and_switched_in_force_and_in_the_file(kept: Kept) -> None:
    before = switches(kept)
    assert before.body == {"detect": True, "record": True}
    done = switch(kept, {"detect": False}, revisions=(before.revision,))
    assert done.status == 200, done.body
    assert [(each["key"], each["kind"]) for each in done.body["changes"]] == [
        ("sources[0].detect", "hot")
    ]
    assert done.body["processes"] == ["preprocess", "track"]
    assert done.body["saved"]
    assert "    detect: false\n" in kept.text
    assert switches(kept).body == {"detect": False, "record": True}
    assert switch(kept, {"record": False}, revisions=(before.revision,)).status == 412
    assert kept.zones().revision != switches(kept).revision
    assert switch(kept, {"detect": True, "record": None}).status == 200
    assert "detect: true\n" in kept.text, "what somebody wrote is not taken away"
    assert switches(kept).body == before.body


@pytest.mark.parametrize(
    ("wanted", "status", "detail"),
    [
        ({"detect": "off"}, 422, "Expected `bool`, got `str`"),
        ({"detekt": False}, 422, "did you mean 'detect'"),
        ([], 400, "expected keys and values"),
    ],
)
def test_what_is_no_switch_is_refused(kept: Kept, wanted: Any, status: int, detail: str) -> None:
    refused = switch(kept, wanted)
    assert refused.status == status
    assert detail in refused.body["detail"]
    assert kept.text == TEXT
