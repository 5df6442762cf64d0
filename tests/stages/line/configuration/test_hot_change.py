"""Which configurations a line can change to while it runs, and what its processes are told."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.config_file import build
from pipeline.errors import LineError
from pipeline.processes import cores
from pipeline.processes.line_up import LineUp
from pipeline.topology import ProcessSpec
from stages.config import LineConfig
from stages.line import model_to_run
from stages.line.configuration.change import Change, ChangeKind
from stages.line.configuration.hot_change import HotChange
from stages.line.line import Line
from stages.model.model_choice import Choice
from tests.clips import make_clip, make_folder


class Running:
    """A line as far as a change knows it: what its processes have been told."""

    def __init__(self, **content: Any) -> None:
        self._content = content
        self.line = Line(self._build())
        self.processes: Sequence[ProcessSpec] = self.line.processes
        names = self.line.config.camera_names
        self.line_up = LineUp(names, tuple(range(len(names))), self.line.processes)
        self.changes = 0
        self._change = HotChange(self.line, None, self._reconfigure)

    def apply(self, **content: Any) -> list[str]:
        """Change to what was configured at the start, but for these sections."""
        return [str(change) for change in self._change.apply(self._build(**content))]

    def plan(self, **content: Any) -> list[Change]:
        """What `apply` would change."""
        return self._change.plan(self._build(**content))

    def refuse(self, **content: Any) -> str:
        before, changes = self.processes, self.changes
        with pytest.raises(LineError) as refused:
            self.apply(**content)
        assert self.processes == before
        assert self.changes == changes
        return str(refused.value)

    def options(self, name: str) -> dict[str, Any]:
        return next(process.options for process in self.processes if process.name == name)

    def _build(self, **content: Any) -> LineConfig:
        return build(self._content | content, LineConfig, "line.yaml")

    def _reconfigure(self, line_up: LineUp) -> None:
        self.changes += 1
        self.line_up, self.processes = line_up, line_up.processes


@pytest.fixture
def running(tiny_model: Path, tmp_path: Path) -> Running:
    clip = make_clip(tmp_path / "clip.avi", 2)
    return Running(sources=[{"uri": str(clip)}], model=str(tiny_model))


def test_hot_options_are_told_and_the_others_stay(running: Running) -> None:
    before = {process.name: process.options for process in running.processes}
    changed = running.apply(postprocess={"method": "hard"}, track={"lost_s": 4})
    assert changed == ["postprocess.method: null -> 'hard'", "track.lost_s: 2 -> 4"]
    assert running.options("postprocess") == before["postprocess"] | {"method": "hard"}
    assert running.options("track")["cameras"]["cam0"]["tracker"]["lost_s"] == 4.0
    for name in ("capture.cam0", "preprocess", "detect", "publish"):
        assert running.options(name) == before[name]


def test_a_plan_tells_and_changes_nothing(running: Running) -> None:
    (change,) = running.plan(track={"lost_s": 4})
    assert change == Change(ChangeKind.HOT, "track.lost_s", "track.lost_s: 2 -> 4")
    hot, cold = running.plan(track={"lost_s": 4}, ring={"slots": 9})
    assert (hot.kind, hot.key, hot.cost) == (ChangeKind.HOT, "track.lost_s", "")
    assert cold.kind is ChangeKind.START_AGAIN
    assert str(cold) == "ring.slots: 8 -> 9 (the line has to be started again)"
    assert running.plan() == []
    assert running.changes == 0
    assert running.apply(track={"lost_s": 4}) == ["track.lost_s: 2 -> 4"]


def test_changes_build_on_each_other(running: Running) -> None:
    running.apply(track={"lost_s": 4})
    assert running.apply(track={"lost_s": 5}) == ["track.lost_s: 4 -> 5"]
    assert running.apply() == ["track.lost_s: 5 -> 2"]
    assert running.processes == running.line.processes


def test_the_same_configuration_disturbs_nobody(running: Running) -> None:
    assert running.apply() == []
    assert running.changes == 0


def test_zones_lines_and_filters_of_a_source_can_change(running: Running) -> None:
    (source,) = running.line.config.sources
    yard = {"polygon": [[0, 0], [1, 0], [1, 1]]}

    def apply(**keys: Any) -> list[str]:
        return running.apply(sources=[{"uri": source.uri, **keys}])

    (added,) = apply(zones={"yard": yard})
    assert added.startswith("sources[0].zones.yard: nothing -> {")
    assert running.options("track")["cameras"]["cam0"]["zones"].keys() == {"yard"}
    longer = yard | {"dwell_s": 20}
    assert apply(zones={"yard": longer}) == ["sources[0].zones.yard.dwell_s: null -> 20"]
    way = {"from": [0.5, 0], "to": [0.5, 1]}
    assert len(apply(lines={"drive": way})) == 2
    changed = apply(lines={"drive": way | {"from": [0.25, 0]}}, filter={"labels": ["car"]})
    assert changed == [
        "sources[0].filter.labels: [] -> ['car']",
        "sources[0].lines.drive.from: [0.5, 0] -> [0.25, 0]",
    ]
    said = running.refuse(sources=[{"uri": source.uri, "filter": {"labels": ["cat"]}}])
    assert said.startswith("sources[0].filter.labels: unknown label 'cat'")


def test_the_first_filter_of_a_line_without_tracks_needs_a_process(
    tiny_model: Path, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "images", [(64, 48)])
    running = Running(sources=[{"uri": str(folder)}], model=str(tiny_model))
    said = running.refuse(sources=[{"uri": str(folder), "filter": {"labels": ["car"]}}])
    assert said.startswith("sources[0].filter.labels cannot change ")


def test_what_no_process_is_told_is_a_change_without_effect(running: Running) -> None:
    """A new start would give the same processes, too."""
    running.apply(postprocess={"score_thresh": 0.1})
    changes = running.changes
    assert running.apply(postprocess={"score_thresh": 0.1}, track={"low_score": 0.2}) == [
        "track.low_score: 0.1 -> 0.2"
    ]
    assert running.changes == changes


STREET = "scene://street?seed=1"


def scenes(*names: str, **more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"uri": STREET, "name": name, **more.get(name, {})} for name in names]


@pytest.fixture
def street(tiny_model: Path) -> Running:
    """Two cameras, `gate` and `yard`."""
    return Running(sources=scenes("gate", "yard"), model=str(tiny_model))


def test_a_camera_that_comes_gets_the_next_number_and_process(street: Running) -> None:
    before = street.processes
    changed = street.apply(sources=scenes("barn", "gate", "yard"))
    assert changed == ["sources[0]: camera added: barn (the other cameras go on)"]
    line_up = street.line_up
    assert line_up.cameras == ("gate", "yard", "barn")
    assert (set(line_up.present), line_up.leaving) == ({0, 1, 2}, ())
    *same, barn = street.processes
    assert (barn.name, barn.index, barn.camera) == ("capture.barn", len(before), 2)
    assert [p.index for p in same] == [p.index for p in before]
    assert [p.options for p in same[:2]] == [p.options for p in before[:2]]
    assert set(street.options("track")["cameras"]) == {"gate", "yard", "barn"}


def test_a_camera_that_goes_keeps_its_place_and_its_options_while_it_does(street: Running) -> None:
    (change,) = street.plan(sources=scenes("yard"))
    assert (change.kind, change.camera) == (ChangeKind.CAMERA_REMOVED, "gate")
    street.apply(sources=scenes("yard"))
    line_up = street.line_up
    assert (line_up.present, line_up.leaving) == ((1,), (0,))
    assert line_up.cameras == ("gate", "yard")
    index = next(p.index for p in line_up.processes if p.name == "track")
    assert set(line_up.meanwhile[index].options["cameras"]) == {"gate", "yard"}
    assert set(line_up.processes[index].options["cameras"]) == {"yard"}
    street.apply(sources=scenes("yard", "gate"))
    assert (set(street.line_up.present), street.line_up.leaving) == ({0, 1}, ())
    assert len(street.processes) == len(street.line.processes)


def test_a_service_that_keeps_films_is_told_of_cameras(tiny_model: Path, tmp_path: Path) -> None:
    record = {"folder": str(tmp_path / "kept")}
    running = Running(sources=scenes("gate"), model=str(tiny_model), record=record)
    running.apply(sources=scenes("gate", "yard"))
    assert list(running.options("recorder")["cameras"]) == ["gate", "yard"]


def test_recorders_are_told_since_when_recording_is_on_again(
    tiny_model: Path, tmp_path: Path
) -> None:
    """All of them, whichever are killed meanwhile, and whatever else changes later."""
    record = {"folder": str(tmp_path / "kept"), "video": str(tmp_path / "{camera}.mp4")}
    cameras = scenes("gate", "yard")
    running = Running(sources=cameras, model=str(tiny_model), record=record)

    def since() -> dict[str, int]:
        found = [running.options(name)["recorded_since"] for name in ("recorder", "record_video")]
        assert found[0] == found[1]
        return dict(found[0])

    off = scenes("gate", "yard", gate={"record": False})
    assert since() == {}
    running.apply(sources=off)
    assert since() == {}
    before_ns = time.monotonic_ns()
    running.apply(sources=cameras)
    first = since()
    assert first.keys() == {"gate"}
    assert before_ns <= first["gate"] <= time.monotonic_ns()
    running.plan(sources=off)
    running.apply(sources=cameras, track={"lost_s": 4})
    assert since() == first
    running.apply(sources=off)
    running.apply(sources=cameras)
    assert since()["gate"] > first["gate"]


def test_another_address_restarts_its_camera_alone(street: Running) -> None:
    other = scenes("gate", "yard", yard={"uri": "scene://street?seed=2", "track": False})
    kinds = {change.key: change.kind for change in street.plan(sources=other)}
    assert kinds == {
        "sources[1].uri": ChangeKind.CAMERA_RESTARTED,
        "sources[1].track": ChangeKind.CAMERA_RESTARTED,
    }
    before = street.processes
    street.apply(sources=other)
    line_up = street.line_up
    assert (set(line_up.present), line_up.leaving) == ({0, 1}, (1,))
    assert line_up.meanwhile[1] == before[1]
    assert line_up.processes[1].options["address"] != before[1].options["address"]
    index = next(p.index for p in before if p.name == "track")
    for processes, is_tracked in ((line_up.meanwhile, True), (line_up.processes, False)):
        assert processes[index].options["cameras"]["yard"]["is_tracked"] is is_tracked


def test_a_name_that_changes_is_another_camera(street: Running) -> None:
    kinds = [(c.kind, c.camera) for c in street.plan(sources=scenes("gate", "barn"))]
    assert kinds == [
        (ChangeKind.CAMERA_REMOVED, "yard"), (ChangeKind.CAMERA_ADDED, "barn")
    ]  # fmt: skip
    street.apply(sources=scenes("barn", "shed"))
    assert set(street.line_up.leaving) == {0, 1}
    assert street.line_up.present == (2, 3)


def test_what_needs_another_process_cannot_come_with_a_camera(
    tiny_model: Path, tmp_path: Path
) -> None:
    """Where nothing is tracked no process tracks."""
    folder = make_folder(tmp_path / "images", [(64, 48)])
    source = {"uri": str(folder), "name": "images"}
    running = Running(sources=[source], model=str(tiny_model))
    assert running.refuse(sources=[source, *scenes("gate")]) == (
        "sources[1] cannot change while the line runs: start it again"
    )
    untracked = scenes("gate", gate={"track": False})
    assert running.apply(sources=[source, *untracked])


def test_a_camera_comes_with_other_keys_or_not_at_all(street: Running) -> None:
    said = street.refuse(sources=scenes("gate", "yard", "barn"), ring={"slots": 9})
    assert said == "ring.slots cannot change while the line runs: start it again"
    assert len(street.apply(sources=scenes("gate", "barn"), track={"lost_s": 4})) == 3


def test_one_video_file_is_for_one_camera(tiny_model: Path, tmp_path: Path) -> None:
    record = {"video": str(tmp_path / "out.mp4")}
    running = Running(sources=scenes("gate"), model=str(tiny_model), record=record)
    said = running.refuse(sources=scenes("yard"))
    assert said.startswith("record.video: expected {camera} in the path, for a line whose cameras ")


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ({"postprocess": {"max_detections": 50}}, "postprocess.max_detections"),
        ({"track": {"enabled": False}}, "track.enabled"),
        ({"detect": {"replicas": 2}}, "detect.replicas"),
        ({"detect": {"threads": 2}}, "detect.threads"),
        ({"publish": {"endpoint": "ipc:///tmp/another"}}, "publish.endpoint"),
        ({"ring": {"slots": 9}}, "ring.slots"),
        ({"limits": {"frame_s": 11}}, "limits.frame_s"),
        ({"log": "DEBUG"}, "log"),
        ({"ring": {"slots": 9}, "log": "DEBUG", "track": {"lost_s": 4}}, "ring.slots, log"),
    ],
)
def test_what_cannot_change_is_named(running: Running, content: dict[str, Any], keys: str) -> None:
    said = running.refuse(**content)
    assert said == f"{keys} cannot change while the line runs: start it again"


def test_of_many_keys_that_cannot_change_some_are_named(running: Running) -> None:
    said = running.refuse(
        ring={"slots": 9, "max_pixels": 2048}, log="DEBUG", detect={"replicas": 2, "threads": 2},
        publish={"endpoint": "ipc:///tmp/another"}, postprocess={"max_detections": 50},
        limits={"frame_s": 11, "start_s": 11, "restarts": 11},
    )  # fmt: skip
    assert said.startswith("detect.replicas, detect.threads, ")
    assert " and 2 more keys cannot change while the line runs" in said


def test_a_core_cannot_change(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "available_cores", lambda: (2, 3, 5))
    assert running.refuse(cores={"publish": [5]}).startswith("cores.publish cannot change ")


def test_the_most_detections_cannot_change_where_nothing_is_tracked(
    tiny_model: Path, tmp_path: Path
) -> None:
    """There they size no memory; a key is hot or it is not."""
    folder = make_folder(tmp_path / "images", [(64, 48)])
    running = Running(sources=[{"uri": str(folder)}], model=str(tiny_model))
    said = running.refuse(postprocess={"max_detections": 50})
    assert said.startswith("postprocess.max_detections cannot change ")


def test_a_configuration_that_no_start_would_take_is_refused_as_there(running: Running) -> None:
    said = running.refuse(sources=[{"uri": "none.mp4"}], track={"lost_s": 4})
    assert said == "none.mp4: no such file, folder or camera"
    said = running.refuse(cores={"detects": [0]})
    assert said == "unknown key 'cores.detects': did you mean 'detect'?"


def test_cores_that_came_or_went_meanwhile_are_no_change(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [process.core for process in running.processes]
    monkeypatch.setattr(cores, "available_cores", lambda: (2, 3, 5))
    assert {process.core for process in Line(running.line.config).processes} != set(before)
    assert running.apply(track={"lost_s": 4}) == ["track.lost_s: 2 -> 4"]
    assert [process.core for process in running.processes] == before


def test_another_model_file_is_refused_by_its_key_or_by_its_content(
    tiny_model: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(tiny_model, tmp_path / "model.onnx"))
    running = Running(sources=[{"uri": "scene://street"}], model=str(model))
    other = Path(shutil.copy(tiny_model, tmp_path / "other.onnx"))
    assert running.refuse(model=str(other), track={"lost_s": 4}).startswith("model cannot change ")
    assert running.apply(track={"lost_s": 4})
    model.write_bytes(model.read_bytes().replace(b"person", b"parson"))
    assert running.refuse(track={"lost_s": 5}) == (
        f"model: {model} is another file now, which cannot be used while the line runs: "
        "start it again"
    )


def test_an_automatic_choice_of_the_model_stays(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take a measurement of seconds, and come out otherwise."""
    choices = iter([Choice(str(tiny_model), "tiny.onnx: fastest")])
    monkeypatch.setattr(model_to_run, "choose_model", lambda *_: next(choices))
    running = Running(sources=[{"uri": "scene://street"}], model="auto")
    assert running.apply(track={"lost_s": 4}) == ["track.lost_s: 2 -> 4"]
    assert running.refuse(model=str(tiny_model)).startswith("model cannot change ")


def test_a_change_that_finds_no_room_leaves_the_configuration(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_line_up: LineUp) -> None:
        raise LineError("no room")

    monkeypatch.setattr(running._change, "_reconfigure", no_room)
    assert running.refuse(track={"lost_s": 4}) == "no room"
    monkeypatch.undo()
    assert running.apply(track={"lost_s": 5}) == ["track.lost_s: 2 -> 5"]
