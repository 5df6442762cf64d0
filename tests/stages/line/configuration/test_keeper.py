"""The configuration of a line as services read and change it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.services import line_control as told
from tests.stages.line.configuration.kept import AREA, TEXT, WAY, Kept, Reply


def test_zones_are_read_and_replaced_in_force_and_in_the_file(kept: Kept) -> None:
    before = kept.zones()
    assert before.status == 200
    assert before.body["zones"]["yard"]["labels"] == ["person"]
    assert before.body["lines"] == {}
    zones = {**before.body["zones"], "door": {"polygon": AREA}}
    done = kept.put({"zones": zones, "lines": {"path": WAY}}, revisions=(before.revision,))
    assert done.status == 200, done.body
    assert (done.body["applied"], done.body["saved"], done.body["unsaved"]) == (True, True, [])
    assert [(each["key"], each["kind"]) for each in done.body["changes"]] == [
        ("sources[0].zones.door", "hot"), ("sources[0].lines.path", "hot"),
    ]  # fmt: skip
    assert done.body["processes"] == ["track"]
    assert kept.told[-1].processes[4].options["cameras"]["gate"]["zones"].keys() == {"yard", "door"}
    after = kept.zones()
    assert after.revision == done.revision != before.revision
    assert after.body["zones"]["door"]["polygon"] == AREA
    assert kept.text == TEXT.replace(
        "  # all of it\n",
        "  # all of it\n      door:\n        polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n"
        "    lines:\n      path:\n        from: [0.2, 0.5]\n        to: [0.8, 0.5]\n",
    )
    assert kept.put({"lines": {}}).status == 200
    assert kept.zones().body["zones"].keys() == {"yard", "door"}


def test_one_zone_comes_changes_and_goes(kept: Kept) -> None:
    def change(section: Any, name: str, value: Any = None) -> Reply:
        text = None if value is None else msgspec.json.encode(value)
        return kept.ask(told.Change(to=told.Region("gate", section, name, text)))

    assert change("zones", "door", {"polygon": AREA}).status == 200
    (changed,) = change("zones", "door", {"polygon": AREA, "dwell_s": 5}).body["changes"]
    assert changed["text"] == "sources[0].zones.door.dwell_s: null -> 5"
    assert change("lines", "path", WAY).status == 200
    assert change("zones", "door").status == change("lines", "path").status == 200
    assert change("zones", "door") == Reply(
        404, {"detail": "no zone 'door'; there are yard", "errors": []}, ""
    )
    assert kept.text == TEXT.replace("  # all of it\n", "  # all of it\n    lines: {}\n")


def test_a_camera_comes_and_goes_and_no_other_gets_its_name(kept: Kept) -> None:
    """Also where names are those of places in the list."""
    nameless = kept.ask(told.Change(to=told.NewCamera(b'{"uri": "scene://street?seed=2"}')))
    assert [each["camera"] for each in nameless.body["changes"]] == ["cam0"]
    again = kept.ask(told.Change(to=told.NewCamera(b'{"name": "gate", "uri": "scene://street"}')))
    assert again.status == 409
    assert "there is a camera 'gate' already" in again.body["detail"]
    assert kept.ask(told.Change(to=told.NewCamera(b'{"name": "a"}'))).status == 422
    gone = kept.ask(told.Change(to=told.NoCamera("gate")))
    assert (gone.body["changes"][0]["kind"], gone.body["saved"]) == ("camera removed", True)
    assert kept.in_force.config.camera_names == ("cam0",)
    assert kept.ask(told.Change(to=told.NoCamera("gate"))).status == 404
    last = kept.ask(told.Change(to=told.NoCamera("cam0")))
    assert (last.status, last.body["errors"][0]["key"]) == (422, "sources")


def test_those_that_stay_keep_names_of_their_places(tmp_path: Path, tiny_model: Path) -> None:
    text = "sources:\n  - uri: scene://street\n  - uri: scene://street?seed=2  # two\n"
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    gone = kept.ask(told.Change(to=told.NoCamera("cam0")))
    assert gone.body["saved"], gone.body
    assert [each["key"] for each in gone.body["changes"]] == ["sources[0]"]
    assert kept.in_force.source.read().config.camera_names == ("cam1",)
    assert "uri: scene://street?seed=2  # two\n" in kept.text


def test_a_stale_revision_is_refused(kept: Kept) -> None:
    first = kept.zones().revision
    assert kept.put({"lines": {"path": WAY}}, revisions=(first,)).status == 200
    stale = kept.put({"lines": {}}, revisions=(first,))
    assert stale.status == 412
    assert kept.zones().body["lines"]
    # The thresholds are no business of who draws zones.
    now = kept.zones().revision
    assert kept.patch({"postprocess": {"score_thresh": 0.4}}).status == 200
    assert kept.put({"lines": {}}, revisions=("other", now)).status == 200
    assert kept.put({"lines": {}}, revisions=("*",)).status == 200


@pytest.mark.parametrize(
    ("sections", "status", "key", "words"),
    [
        ({"zones": {"yard": {"polygon": [[0, 0], [1, 1]]}}}, 422, "sources[0].zones.yard.polygon",
         "length >= 3"),
        ({"zones": {"yard": {"polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}}}, 422,
         "sources[0].zones.yard.polygon", "expected edges that meet at corners only"),
        ({"zones": {"yard": {"polygon": AREA, "label": 1}}}, 422, "sources[0].zones.yard.label",
         "did you mean 'labels'?"),
        ({"zones": {"yard": {"polygon": AREA, "labels": ["cow"]}}}, 422,
         "sources[0].zones.yard.labels", "unknown label 'cow'"),
        ({"zones": {"a/b": {"polygon": AREA}}}, 422, "sources[0].zones", "letters, digits"),
        ({"zones": [1]}, 422, "sources[0].zones", "Expected `object`, got `array`"),
        ({"zone": {}}, 422, "zone", "did you mean 'zones'?"),
        ([1], 400, "", "expected keys and values, got list"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_as_check_names_it(
    kept: Kept, sections: Any, status: int, key: str, words: str
) -> None:
    refused = kept.put(sections)
    assert refused.status == status
    assert words in refused.body["detail"]
    assert [error["key"] for error in refused.body["errors"]] == ([key] if key else [])
    assert kept.text == TEXT
    assert kept.told == []


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"{", "not JSON"), (b'{"zones": {}, "zones": {}}', "key 'zones' is given twice"),
     (b'{"zones": NaN}', "expected a number, got NaN"), (b"[" * 100_000, "not JSON"),
     (b"\xff", "not JSON")],
)  # fmt: skip
def test_what_is_no_json_is_said(kept: Kept, text: bytes, words: str) -> None:
    refused = kept.ask(told.Change(to=told.CameraZones("gate", text)))
    assert refused.status == 400
    assert words in refused.body["detail"]


def test_a_plan_says_what_a_change_costs_and_changes_nothing(kept: Kept) -> None:
    hot = kept.patch({"track": {"lost_s": 5}}, mode="plan").body
    assert (hot["possible"], hot["applied"]) == (True, False)
    assert hot["cost"] == "nothing: no frame is lost, and no stage is started again"
    both = kept.patch({"track": {"lost_s": 5}, "ring": {"slots": 9}}, mode="plan").body
    assert not both["possible"]
    assert [(each["key"], each["kind"]) for each in both["changes"]] == [
        ("track.lost_s", "hot"), ("ring.slots", "start again"),
    ]  # fmt: skip
    assert both["cost"].startswith("a new start of the line")
    assert kept.patch({}, mode="plan").body["cost"] == "nothing: it is in force already"
    assert kept.told == []
    assert kept.text == TEXT


def test_what_needs_a_start_is_refused_with_its_keys(kept: Kept) -> None:
    refused = kept.patch({"ring": {"slots": 9}, "log": "DEBUG", "track": {"lost_s": 5}})
    assert refused.status == 409
    assert refused.body["detail"].startswith("ring.slots, log cannot change while the line runs")
    assert [error["key"] for error in refused.body["errors"]] == ["ring.slots", "log"]
    assert kept.text == TEXT


def test_a_whole_configuration_as_yaml(kept: Kept) -> None:
    text = TEXT.replace("lost_s: 3", "lost_s: 4").encode() + b"model: " + _model(kept)
    to = told.Document(text, "yaml")
    assert kept.ask(told.Change(to=to, mode="check")) == Reply(200, {"valid": True}, "")
    assert kept.ask(told.Change(to=to)).body["saved"]
    assert kept.text == TEXT.replace("lost_s: 3", "lost_s: 4")
    wrong = kept.ask(told.Change(to=told.Document(b"a: 1\na: 2\n", "yaml"), mode="check"))
    assert wrong.status == 400
    assert "line 2: key 'a' is given twice" in wrong.body["detail"]


def test_the_configuration_goes_round(kept: Kept) -> None:
    """What is read can be sent back, and changes nothing."""
    read = kept.ask(told.ReadConfiguration())
    assert read.body["file"] == str(kept.path)
    assert read.body["overridden"] == ["model"]
    done = kept.whole(read.body["configuration"], revisions=(read.revision,))
    assert (done.status, done.body["changes"]) == (200, [])
    assert kept.text == TEXT


def _model(kept: Kept) -> bytes:
    return kept.in_force.config.model.encode()


def test_a_question_that_is_none_is_answered(kept: Kept, said: list[str]) -> None:
    answer = msgspec.json.decode(kept._keeper.answer(b"{}"), type=told.Answer)
    assert answer.status == 500
    assert said
