from pathlib import Path

import msgspec
import pytest

from models.evaluate.coco import CocoScore
from models.evaluate.protocol import BY_SOURCE, COCO, VOC
from models.evaluate.voc import VocClassScore, VocScore
from tests.models.tiny_set import make_result, make_set

pytestmark = pytest.mark.torch


def test_score_table_names_sources_and_classes(tmp_path: Path) -> None:
    score = BY_SOURCE.score(make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}]), [])
    lines = BY_SOURCE.format(score).splitlines()
    assert lines[0].startswith("street")
    assert "person 0" in lines[0]
    assert lines[1].startswith("mean over sources")


def test_by_source_tells_what_a_threshold_shows(tmp_path: Path) -> None:
    box = [10, 10, 20, 20]
    score = BY_SOURCE.score(make_set(tmp_path, [{"bbox": box}]), [make_result(box, 0.45)])
    expected = "at 0.40: 100 % found, 100 % right; at 0.50: 0 % found, - right"
    assert expected in BY_SOURCE.format(score)


def test_scores_survive_a_file_and_deviations_are_named() -> None:
    voc = VocScore(50.0, 60.0, 3, {"car": VocClassScore(50.0, 60.0, 9)})
    coco = CocoScore(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7, {"car": 1.0})
    for protocol, score in ((VOC, voc), (COCO, coco)):
        again = msgspec.json.decode(msgspec.json.encode(score), type=protocol.kind)
        assert again == score
        assert protocol.find_deviations(score, again) == []
    assert VOC.find_deviations(voc, msgspec.structs.replace(voc, map_11_points=50.4)) == [
        "mean over classes: map_11_points expected 50.40 +- 0.3, got 50.00"
    ]


def test_many_classes_share_lines() -> None:
    classes = {f"class{i}": VocClassScore(float(i), 0.0, 1) for i in range(20)}
    lines = VOC.format(VocScore(9.5, 0.0, 10, classes)).splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:4] == ["class0", "0.0", "class1", "1.0"]
