"""Images hold what they are said to hold, in the right place, and say what is missing."""

import itertools
import json
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from torch import Tensor, nn

from models.checkpoint import save_checkpoint
from models.data.coco import read_coco
from models.data.report import DataError, DataReport
from models.evaluate.average_precision import Score
from models.evaluate.coco import CocoScore
from models.evaluate.evaluation_set import make_evaluation_set
from models.evaluate.voc import VocScore
from models.thundernet.thundernet import ThunderNet
from models.visualize.accuracy import (
    ScoredModel,
    deployed_config,
    draw_accuracy,
    list_scored,
    read_score,
    read_scored_model,
)
from models.visualize.attention import attention_maps, draw_attention
from models.visualize.command import main
from models.visualize.contact_sheet import (
    GAP_PX,
    IMAGE_PX,
    PAIR_GAP_PX,
    SHEET_PX,
    Group,
    fit,
    make_sheet,
)
from models.visualize.detections import IGNORED_COLOUR, draw_labelled
from models.visualize.labelled_image import (
    LabelledImage,
    LabelledObject,
    draw_street,
    read_labelled,
)
from stages.kernels.draw import class_colour
from stages.model.model_file import ModelFileError, read_model_metadata
from tests.models.random_network import make_network
from tests.models.tiny_coco import write_coco

pytestmark = pytest.mark.torch

CAR = LabelledObject("car", (100.0, 100.0, 300.0, 250.0), ignored=False)


def plain(width: int, height: int, value: int = 50) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def read_png(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None, path
    return image


# Sheets


def test_images_keep_their_shape_on_a_sheet() -> None:
    for width, height in ((640, 480), (300, 900), (4000, 100), (20, 10)):
        image, scale = fit(plain(width, height))
        assert image.shape[0] <= IMAGE_PX
        assert image.shape[1] / image.shape[0] == pytest.approx(width / height, rel=0.03)
        assert image.shape[1] == pytest.approx(width * scale, abs=1)


def test_groups_stand_in_rows_and_are_not_parted() -> None:
    pair = [plain(400, IMAGE_PX, 10), plain(400, IMAGE_PX, 20)]
    sheet = make_sheet([Group(pair, "one"), Group(pair, "two"), Group(pair[:1], "three")])
    assert sheet.shape[1] <= SHEET_PX + 2 * GAP_PX
    first_row, second_row = sheet[GAP_PX + 100], sheet[-100]
    assert (first_row == 10).all(axis=1).sum() == (first_row == 20).all(axis=1).sum() == 800
    assert (second_row == 10).all(axis=1).sum() == 400
    between = first_row[GAP_PX + 400 : GAP_PX + 400 + PAIR_GAP_PX]
    assert (between == 255).all()


def test_a_caption_stays_below_its_own_images() -> None:
    group = Group([plain(200, IMAGE_PX, 255)], "a very long name of a directory/of many/0001.jpg")
    sheet = make_sheet([group, Group([plain(200, IMAGE_PX, 255)], "")])
    ink = (sheet < 128).all(axis=2)
    rows, columns = np.nonzero(ink)
    assert rows.min() >= GAP_PX + IMAGE_PX
    assert columns.max() < GAP_PX + 200


# Detections


def test_labelled_objects_are_drawn_where_they_are() -> None:
    frame = plain(400, IMAGE_PX)
    ignored = CAR._replace(xyxy=(20.0, 150.0, 60.0, 200.0), ignored=True)
    image = draw_labelled(frame, [ignored, CAR], ("person", "car"))
    assert tuple(image[250, 200]) == class_colour(1)
    assert tuple(image[200, 40]) == IGNORED_COLOUR
    assert tuple(image[280, 350]) == (50, 50, 50)


def test_a_class_that_the_model_lacks_has_a_colour_of_its_own() -> None:
    tram = CAR._replace(label="tram")
    image = draw_labelled(plain(400, IMAGE_PX), [tram], ("person", "car"))
    assert tuple(image[250, 200]) == class_colour(2)


def test_streets_come_with_their_truth() -> None:
    first, second = draw_street(3, (320, 240), 2)
    assert first.frame.shape == (240, 320, 3)
    assert not np.array_equal(first.frame, second.frame)
    assert first.objects
    assert all(seen.xyxy[2] <= 320 for seen in first.objects)


def test_crowds_and_classes_without_annotation_are_ignored(tmp_path: Path) -> None:
    person = {"image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40]}
    path = write_coco(tmp_path, [person, person | {"iscrowd": 1}])
    dataset = make_evaluation_set(read_coco(path, tmp_path / "images", DataReport()))
    first, second = read_labelled(dataset, 2, DataReport())
    assert first.objects is not None
    assert [seen.ignored for seen in first.objects] == [False, True]
    assert first.objects[0].xyxy == (10, 20, 40, 60)
    assert second.objects == []


def test_detections_stand_beside_the_truth(tmp_path: Path, tiny_model: Path) -> None:
    out = tmp_path / "new" / "sheet.png"
    command = ["detections", str(tiny_model), "--street", "3", "--limit", "2", "--out", str(out)]
    assert main(command) == 0
    sheet = read_png(out)
    assert sheet.shape[1] == 2 * (2 * 400 + PAIR_GAP_PX) + 3 * GAP_PX
    labelled = sheet[GAP_PX : GAP_PX + IMAGE_PX, GAP_PX + 400 + PAIR_GAP_PX :][:, :400]
    (street,) = draw_street(3, (640, 480), 1)
    assert street.objects is not None
    expected = draw_labelled(street.frame, street.objects, read_model_metadata(tiny_model).labels)
    assert np.array_equal(labelled, expected)


def test_images_that_cannot_be_read_are_named(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, broken, absent = (tmp_path / name for name in ("good.png", "broken.jpg", "absent.jpg"))
    cv2.imwrite(str(good), plain(64, 48))
    broken.write_bytes(b"no image")
    files = [str(path) for path in (broken, good, absent)]
    out = tmp_path / "out.png"
    assert main(["detections", str(tiny_model), *files, "--out", str(out)]) == 0
    error = capsys.readouterr().err
    assert f"data: missing image: 1 ({absent})" in error
    assert f"data: unreadable image: 1 ({broken})" in error
    assert read_png(out).shape[1] == 400 + 2 * GAP_PX


# Attention


class OneCell(nn.Module):
    """Logits that open a single cell and close all others."""

    def forward(self, features: Tensor) -> Tensor:
        logits = torch.full((1, 245, *features.shape[2:]), -20.0)
        logits[:, :, 1, 2] = 20.0
        return logits


def test_kept_is_what_attention_lets_through() -> None:
    model = make_network(input_size=96)
    assert model.sam is not None
    model.sam.theta = OneCell()  # type: ignore[assignment]  # a stand-in with known answers
    frame = np.random.default_rng(0).integers(0, 256, (70, 50, 3), dtype=np.uint8)
    maps = attention_maps(model, frame)
    assert maps.before.shape == maps.after.shape == (6, 6)
    assert maps.kept[1, 2] == pytest.approx(1.0)
    assert np.delete(maps.kept, 1 * 6 + 2).max() < 1e-6
    assert maps.before.min() > 0


def test_a_cell_lies_over_the_pixels_it_is_centred_on() -> None:
    """Cell i is centred on pixel 16 i of the network input, here 10 pixels of a frame of 60."""
    image = LabelledImage("frame", plain(60, 60), [])
    figure = draw_attention([image], make_network(input_size=96), ("person",))
    before = figure.axes[1]
    left, right, bottom, top = before.images[0].get_extent()
    assert (left, top) == (-5, -5)
    assert (right, bottom) == (55, 55)
    assert before.get_xlim() == (0, 60)
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == [
        "image",
        "before SAM",
        "after SAM",
        "kept by SAM",
        "labelled",
    ]


def write_checkpoint(path: Path, model: ThunderNet) -> Path:
    meta = {"model": msgspec.to_builtins(model.config), "recipe": {}, "iteration": 1}
    save_checkpoint(path, {"ema": model.state_dict(), "meta": meta})
    return path


def test_attention_of_a_street(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "last.pt", make_network(input_size=96))
    out = tmp_path / "attention.png"
    command = ["attention", str(checkpoint), "--street", "3", "--limit", "1", "--out", str(out)]
    assert main(command) == 0
    assert read_png(out).shape[1] == 1500


def test_a_network_without_attention_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "last.pt", make_network(spatial_attention=False))
    assert main(["attention", str(checkpoint), "--street", "3"]) == 1
    expected = "visualize: attention: expected a network with spatial_attention, got one without\n"
    assert capsys.readouterr().err == expected


# Accuracy

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
    assert (config.backbone, config.input_size, config.post_nms_top_n) == ("snet49", 320, 100)
    scored = read_scored_model(path)
    # 263.5 with 80 classes and 200 RoIs, less 100 RoIs of 245 x 1024 + 1024 x 85 and 69 classes.
    head = 245 * 1024 + 1024 * 85
    assert scored.mflops == pytest.approx(263.5 - (100 * head + 100 * 1024 * 69) / 1e6, abs=0.1)


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


def test_accuracy_of_the_shipped_models(tmp_path: Path) -> None:
    out = tmp_path / "accuracy.png"
    assert main(["accuracy", "--out", str(out)]) == 0
    assert read_png(out).shape[0] > 300


# Curves and commands


def test_curves_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("iteration,ap50,ap\n5,1.0,0.5\n")
    out = tmp_path / "new" / "curves.png"
    assert main(["curves", str(tmp_path), "--out", str(out)]) == 0
    assert read_png(out).shape == (720, 1080, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curves", "nowhere"], "nowhere: expected a run with rows in train.csv or val.csv"),
        (["attention", "nowhere.pt", "--street", "1"], "nowhere.pt"),
        (["detections", "nowhere.onnx", "--street", "1"], "nowhere.onnx"),
        (["detections", "TINY"], "--voc, --coco and --street, got none"),
        (["detections", "TINY", "a.jpg", "--street", "1"], "got files, street"),
        (["detections", "TINY", "nowhere.jpg"], "missing image: 1 (nowhere.jpg)"),
        (["detections", "TINY", "--street", "1", "--limit", "0"], "expected at least 1, got 0"),
        (["detections", "TINY", "--street", "-1"], "scene option 'seed': expected 0 to"),
        (["detections", "TINY", "--data", "none.json"], "none.json: expected a COCO data set"),
        (["accuracy", "nowhere.onnx"], "nowhere.json: expected scores beside the model"),
    ],
)
def test_what_cannot_be_shown_ends_with_one_line(
    tiny_model: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = [str(tiny_model) if argument == "TINY" else argument for argument in arguments]
    assert main([*known, "--out", str(tmp_path / "out.png")]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("visualize: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_another_kind_of_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accuracy", "--out", "accuracy.svg"]) == 1
    expected = "visualize: --out accuracy.svg: expected a name that ends with .png or .jpg\n"
    assert capsys.readouterr().err == expected


def test_help_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m models.visualize accuracy" in capsys.readouterr().out
