from pathlib import Path

import numpy as np
import pytest

from models.adopt.command import main
from models.adopt.errors import AdoptError
from models.adopt.labels import NAMED, Labels, find_labels, keep_labels
from stages.model.detector import Detector
from stages.model.model_file import read_model_metadata
from tests.models.adopt.foreign_files import write_foreign

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(0)
YOLOV8 = {"output0": RNG.uniform(0, 0.7, (1, 7, 84)).astype(np.float32)}


def test_labels_licence_and_sizes_inside_the_file_are_taken(tmp_path: Path) -> None:
    properties = {
        "names": "{0: 'red', 1: 'green', 2: 'blue'}",
        "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    }
    model = write_foreign(tmp_path / "a.onnx", YOLOV8, properties=properties)
    assert main([str(model), "-o", str(tmp_path / "line.onnx")]) == 0
    card = read_model_metadata(tmp_path / "line.onnx")
    assert card.labels == ("red", "green", "blue")
    assert card.recipe["adopted"]["licence"] == properties["license"]
    assert (card.name, card.input_wh) == ("a", (64, 64))
    assert card.fit.letterbox is not None


@pytest.mark.parametrize("names", ["{0: 'a', 2: 'b'}", "['a', 3]", "import os", ""])
def test_names_that_are_no_names_are_left_alone(tmp_path: Path, names: str) -> None:
    model = write_foreign(tmp_path / "a.onnx", YOLOV8, properties={"names": names})
    assert main([str(model), "-o", str(tmp_path / "line.onnx")]) == 1


def test_classes_are_cut_out_of_the_graph_and_renamed(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("person\nmotorbike\ncar\n")
    model = write_foreign(tmp_path / "a.onnx", YOLOV8)
    given = [str(model), "--labels", str(tmp_path / "names.txt"), "--top-k", "84"]
    assert main([*given, "-o", str(tmp_path / "all.onnx")]) == 0
    assert (
        main([*given, "-o", str(tmp_path / "cut.onnx"), "--keep", "car,motorbike=motorcycle"]) == 0
    )
    whole, cut = Detector(tmp_path / "all.onnx"), Detector(tmp_path / "cut.onnx")
    assert cut.metadata.labels == ("motorcycle", "car")
    frame = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(cut.infer(frame).scores, whole.infer(frame).scores[:, 1:])


def test_an_open_images_table_holds_names(tmp_path: Path) -> None:
    (tmp_path / "boxable.csv").write_text('/m/011k07,Tortoise\n/m/011q46kg,"Box, of cards"\n')
    model = write_foreign(tmp_path / "a.onnx", {"output0": YOLOV8["output0"][:, :6]})
    given = [str(model), "--labels", str(tmp_path / "boxable.csv")]
    assert main([*given, "-o", str(tmp_path / "line.onnx")]) == 0
    assert read_model_metadata(tmp_path / "line.onnx").labels == ("Tortoise", "Box, of cards")


def test_cocos_own_numbers_have_gaps() -> None:
    coco91 = NAMED["coco91"]
    assert (coco91[1], coco91[13], coco91[90]) == ("person", "stop sign", "toothbrush")
    assert coco91[0] is None
    assert coco91[12] is None
    assert NAMED["coco90"] == coco91[1:]
    kept = keep_labels(find_labels("coco91", None), None)  # type: ignore[arg-type]
    assert kept.names == NAMED["coco"]
    assert kept.numbers[0] == 1


@pytest.mark.parametrize("wanted", [["car", "truck=car"], ["car", "car=auto"], ["bus", "bus"]])
def test_two_classes_of_one_name_are_refused(wanted: list[str]) -> None:
    labels = Labels(NAMED["coco"], "coco")
    with pytest.raises(AdoptError, match="expected each class once"):
        keep_labels(labels, wanted)
