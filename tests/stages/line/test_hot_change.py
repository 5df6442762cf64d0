"""Which configurations a line can change to while it runs, and what its processes are told."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.config_file import build
from pipeline.errors import LineError
from pipeline.processes import cores
from pipeline.topology import ProcessSpec
from stages.config import LineConfig
from stages.line import line as line_module
from stages.line.change import Change, ChangeKind
from stages.line.hot_change import HotChange
from stages.line.line import Line
from stages.model.model_choice import Choice
from tests.clips import make_clip, make_folder


class Running:
    """A line as far as a change knows it: what its processes have been told."""

    def __init__(self, **content: Any) -> None:
        self._content = content
        self.line = Line(self._build())
        self.processes: Sequence[ProcessSpec] = self.line.processes
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

    def _reconfigure(self, processes: Sequence[ProcessSpec]) -> None:
        self.changes += 1
        self.processes = processes


@pytest.fixture
def running(tiny_model: Path, tmp_path: Path) -> Running:
    clip = make_clip(tmp_path / "clip.avi", 2)
    return Running(sources=[{"uri": str(clip)}], model=str(tiny_model))


def test_hot_options_are_told_and_the_others_stay(running: Running) -> None:
    before = {process.name: process.options for process in running.processes}
    changed = running.apply(postprocess={"method": "hard"}, track={"lost_s": 4})
    assert changed == ["postprocess.method: null -> 'hard'", "track.lost_s: 2 -> 4"]
    assert running.options("postprocess") == before["postprocess"] | {"method": "hard"}
    assert running.options("track")["cameras"][0]["tracker"]["lost_s"] == 4.0
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
    assert running.options("track")["cameras"][0]["zones"].keys() == {"yard"}
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


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ({"sources": [{"uri": "scene://street"}]}, "sources[0].uri"),
        ({"sources": [{"uri": "0"}, {"uri": "1"}]}, "sources"),
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


def test_of_many_keys_that_cannot_change_some_are_named(tiny_model: Path) -> None:
    sources = [{"uri": f"rtsp://192.0.2.{i}/1"} for i in range(12)]
    running = Running(sources=sources, model=str(tiny_model))
    said = running.refuse(sources=[source | {"silence_s": 9} for source in sources])
    assert said.startswith("sources[0].silence_s, sources[1].silence_s, ")
    assert "sources[7].silence_s and 4 more keys cannot change while the line runs" in said


def test_a_name_or_a_core_cannot_change(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = running.line.config.sources
    said = running.refuse(sources=[{"uri": source.uri, "name": "gate"}])
    assert said.startswith("sources[0].name cannot change ")
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
    monkeypatch.setattr(line_module, "choose_model", lambda *_: next(choices))
    running = Running(sources=[{"uri": "scene://street"}], model="auto")
    assert running.apply(track={"lost_s": 4}) == ["track.lost_s: 2 -> 4"]
    assert running.refuse(model=str(tiny_model)).startswith("model cannot change ")


def test_a_change_that_finds_no_room_leaves_the_configuration(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_processes: Sequence[ProcessSpec]) -> None:
        raise LineError("no room")

    monkeypatch.setattr(running._change, "_reconfigure", no_room)
    assert running.refuse(track={"lost_s": 4}) == "no room"
    monkeypatch.undo()
    assert running.apply(track={"lost_s": 5}) == ["track.lost_s: 2 -> 5"]
