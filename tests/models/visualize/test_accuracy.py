import itertools
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from models.complexity.command import measure_detector
from models.data.report import DataError, DataReport
from models.evaluate.average_precision import Score
from models.evaluate.coco import CocoScore
from models.evaluate.voc import VocScore
from models.thundernet.config import ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.visualize.accuracy import (
    ScoredModel,
    deployed_config,
    draw_accuracy,
    list_scored,
    read_score,
    read_scored_model,
)
from stages.model.model_file import ModelFileError

pytestmark = pytest.mark.torch

SOURCES = Score(21.0, 38.0, {})
COCO = CocoScore(19.0, 33.0, 19.5, 2.0, 20.0, 30.0, 5, {})
VOC = VocScore(70.0, 71.0, 5, {})


@pytest.mark.parametrize(
    ("score", "expected"),
    [(SOURCES, ("sources", 38.0)), (COCO, ("coco", 19.0)), (VOC, ("voc", 70.0))],
)
def test_the_form_of_a_score_says_its_data_set(
    tmp_path: Path, score: msgspec.Struct, expected: tuple[str, float]
) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(msgspec.json.encode(score))
    assert read_score(path) == expected


def test_another_json_is_no_score(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"ap": 1}))
    with pytest.raises(DataError, match=r"expected scores written by models\.evaluate"):
        read_score(path)


def test_a_model_file_is_counted_as_deployed(repository: Path) -> None:
    path = repository / "models/zoo/thundernet-snet49-street11.onnx"
    config = deployed_config(path)
    assert (config.backbone, config.post_nms_top_n) == ("snet49", 100)
    scored = read_scored_model(path)
    # 263.5 with 80 classes and 200 RoIs, less 100 RoIs of 245 x 1024 + 1024 x 85 and 69 classes.
    head = 245 * 1024 + 1024 * 85
    assert scored.mflops == pytest.approx(263.5 - (100 * head + 100 * 1024 * 69) / 1e6, abs=0.1)


def test_a_rectangle_is_counted_by_its_cells() -> None:
    config = ThunderNetConfig(input_size=128, post_nms_top_n=1)
    square = measure_detector(config)
    wide = measure_detector(config, InputShape(64, 256))
    small = measure_detector(config, InputShape(64, 128))
    assert wide.parts["backbone"] == pytest.approx(square.parts["backbone"], rel=0.01)
    assert small.parts["backbone"] == pytest.approx(square.parts["backbone"] / 2, rel=0.01)
    assert small.parts["rpn"] == pytest.approx(square.parts["rpn"] / 2)


def test_model_files_without_scores_are_named(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx", "b.json", "b-int8.onnx", "b-int8.json"):
        (tmp_path / name).touch()
    report = DataReport()
    assert list_scored(tmp_path, report) == [tmp_path / "b.onnx"]
    assert report.lines() == ["model file without scores beside it: 1 (a.onnx)"]


def test_a_model_file_without_its_network_is_refused(tiny_model: Path) -> None:
    with pytest.raises(ModelFileError, match=r"tiny\.onnx': recipe\.model: Expected `object`"):
        deployed_config(tiny_model)


def test_points_lie_where_the_paper_and_our_scores_put_them() -> None:
    ours = [ScoredModel("a", "coco", 300.0, 21.5), ScoredModel("b", "sources", 224.0, 38.0)]
    coco, voc, sources = draw_accuracy(ours).axes
    points = {panel: list_points(panel) for panel in (coco, voc, sources)}
    assert {(262, 19.2), (473, 23.7), (1300, 28.1), (1120, 23.2), (300, 21.5)} <= points[coco]
    assert {(250, 70.1), (461, 75.1), (1287, 78.6), (1210, 70.9)} <= points[voc]
    assert points[sources] == {(224, 38.0)}


def list_points(panel: Axes) -> set[tuple[float, float]]:
    return {(x, y) for line in panel.lines for x, y in np.asarray(line.get_xydata()).tolist()}


def test_no_name_covers_another() -> None:
    figure = draw_accuracy([ScoredModel("thundernet-snet49-street11", "sources", 224.0, 38.0)])
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.draw_without_rendering()  # places everything
    for panel in figure.axes:
        boxes = [text.get_window_extent() for text in panel.texts]
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other), panel.get_title()
        for box in boxes:
            assert panel.bbox.contains(box.x0, box.y0), panel.get_title()
            assert panel.bbox.contains(box.x1, box.y1), panel.get_title()
