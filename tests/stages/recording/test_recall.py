from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.client import Detection
from pipeline.config_file import build
from stages.config import LineConfig
from stages.recording.recall import Recall, count_found, describe_recall, is_wanted, measure_recall
from stages.scene.street import SceneObject, Street, parse_scene_uri
from tests.pipeline.messages import make_message

URI = "scene://street?seed=5&width=640&height=360&fps=10&seconds=1"
FRAMES = 10


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(parse_scene_uri(URI))


def find(thing: SceneObject, label: str | None = None, shift: float = 0.0) -> Detection:
    x1, y1, x2, y2 = map(float, thing.box_xyxy)
    return Detection(label or thing.label, 0, 0.9, (x1 + shift, y1, x2 + shift, y2))


def record(path: Path, street: Street, camera: str = "cam0", **changes: Any) -> Path:
    """A recording in which every object was found, but for the changes."""
    lines = [
        msgspec.json.encode(
            make_message(
                frame, camera,
                detections=tuple(find(thing, **changes) for thing in street.truth(frame)),
            )
        )
        for frame in range(FRAMES)
    ]  # fmt: skip
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def drawn(street: Street) -> int:
    return sum(is_wanted(thing) for frame in range(FRAMES) for thing in street.truth(frame))


def test_all_is_found_where_the_truth_is_detected(tmp_path: Path, street: Street) -> None:
    recall = measure_recall(record(tmp_path / "a.jsonl", street), "cam0", URI)
    assert recall == Recall(drawn(street), drawn(street))
    assert recall.drawn > FRAMES
    assert str(recall).startswith("100.0 % of the drawn objects")


@pytest.mark.parametrize("changes", [{"label": "sheep"}, {"shift": 2000.0}])
def test_another_label_or_place_is_no_find(
    tmp_path: Path, street: Street, changes: dict[str, Any]
) -> None:
    recall = measure_recall(record(tmp_path / "a.jsonl", street, **changes), "cam0", URI)
    assert recall == Recall(0, drawn(street))


def test_only_the_last_run_counts(tmp_path: Path, street: Street) -> None:
    path = record(tmp_path / "a.jsonl", street, label="sheep")
    earlier = path.read_bytes().replace(b'"run":""', b'"run":"before"')
    path.write_bytes(earlier + record(path, street).read_bytes())
    assert measure_recall(path, "cam0", URI) == Recall(drawn(street), drawn(street))


def test_of_a_long_run_so_many_frames_count_at_equal_distances(
    tmp_path: Path, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn is laid out again for each, and a stop must not take minutes."""
    monkeypatch.setattr("stages.recording.recall.MOST_FRAMES", 3)
    path = record(tmp_path / "a.jsonl", street)
    laid_out: list[int] = []
    truth = Street.truth

    def watched(street: Street, frame: int) -> list[SceneObject]:
        laid_out.append(frame)
        return truth(street, frame)

    monkeypatch.setattr(Street, "truth", watched)
    recall = measure_recall(path, "cam0", URI)
    assert laid_out == [0, 4, 8]
    assert recall.found == recall.drawn > 3
    assert str(recall).endswith(f"({recall.found} of {recall.drawn}, in one frame of 4)")


def test_other_cameras_do_not_count(tmp_path: Path, street: Street) -> None:
    recall = measure_recall(record(tmp_path / "a.jsonl", street, camera="gate"), "cam0", URI)
    assert recall == Recall(0, 0)
    assert "nan" in str(recall)


def test_a_file_that_another_program_has_written_to_is_named(
    tmp_path: Path, street: Street
) -> None:
    path = record(tmp_path / "a.jsonl", street)
    first = path.read_bytes().index(b"\n") + 1
    path.write_bytes(path.read_bytes()[:first] + b"\0" * 9 + b"\n" + path.read_bytes()[first:])
    content = {"sources": [{"uri": URI}], "record": {"jsonl": str(path)}}
    (said,) = describe_recall(build(content, LineConfig, "line.yaml"))
    assert said == f"cam0: what was found is not known: {path}: line 2 is no message"


def test_each_detection_finds_one_object(street: Street) -> None:
    thing = next(t for t in street.truth(0) if is_wanted(t))
    assert count_found([thing, thing], (find(thing),)) == 1
    assert count_found([thing], (find(thing), find(thing))) == 1
    assert count_found([thing], ()) == 0
    assert count_found([], (find(thing),)) == 0


def test_only_scenes_whose_messages_were_recorded_are_described(
    tmp_path: Path, street: Street
) -> None:
    path = record(tmp_path / "a.jsonl", street)
    content = {"sources": [{"uri": URI}, {"uri": "0"}], "record": {"jsonl": str(path)}}
    config = build(content, LineConfig, "line.yaml")
    (said,) = describe_recall(config)
    assert said.startswith("cam0: found 100.0 %")
    path.unlink()
    assert list(describe_recall(config)) == []
