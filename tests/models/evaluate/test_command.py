import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from models.data.report import DataError, DataReport
from models.evaluate.average_precision import Score, find_deviations, score_detections
from models.evaluate.command import evaluate, to_results
from models.evaluate.evaluation_set import (
    EvaluationSet,
    read_evaluation_set,
    read_frames,
    take_images,
)
from models.evaluate.protocol import format_score
from stages.kernels.detections import Detections

pytestmark = pytest.mark.torch

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]


def make_content(boxes: list[dict[str, Any]], **image: Any) -> dict[str, Any]:
    """Two images of 100 x 80 from one source, boxes with `image_id` 1 unless they say otherwise."""
    plain = {"width": 100, "height": 80, "source": "street", "labelled_category_ids": [1, 3]}
    images = [plain | {"id": i, "file_name": f"{i}.png"} | image for i in (1, 2)]
    defaults = {"image_id": 1, "category_id": 1, "iscrowd": 0}
    annotations = [defaults | {"id": i} | box for i, box in enumerate(boxes)]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


def write_set(folder: Path, content: dict[str, Any], files: dict[str, bytes]) -> Path:
    path = folder / "val.json"
    path.write_text(json.dumps(content))
    with tarfile.open(folder / "val-00.tar", "w") as shard:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    return path


def encoded(width: int = 100, height: int = 80, value: int = 0) -> bytes:
    return cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))[1].tobytes()


@pytest.fixture
def make_set(tmp_path):
    def make(boxes: list[dict[str, Any]], **image: Any) -> EvaluationSet:
        return read_evaluation_set(
            write_set(tmp_path, make_content(boxes, **image), {}), DataReport()
        )

    return make


def result(bbox: list[float], score: float, category_id: int = 1, image_id: int = 1) -> dict:
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}


def test_perfect_detections_score_100(make_set):
    boxes = [
        {"bbox": [10, 10, 20, 30]},
        {"bbox": [40, 10, 20, 30], "category_id": 3},
        {"bbox": [5, 5, 50, 50], "image_id": 2},
    ]
    dataset = make_set(boxes)
    found = [result(b["bbox"], 0.9, b.get("category_id", 1), b.get("image_id", 1)) for b in boxes]
    score = score_detections(dataset, found)
    assert (score.ap, score.ap50) == pytest.approx((100, 100))
    assert score.sources["street"].classes["person"].boxes == 2


def test_one_of_two_objects_found_is_half(make_set):
    dataset = make_set([{"bbox": [10, 10, 20, 20]}, {"bbox": [60, 10, 20, 20]}])
    score = score_detections(dataset, [result([10, 10, 20, 20], 0.9)])
    # 101 recall points: precision is 1 up to recall 0.5, which is 51 of them.
    assert score.ap50 == pytest.approx(100 * 51 / 101)


def test_a_false_detection_above_the_true_one_halves_precision(make_set):
    dataset = make_set([{"bbox": [10, 10, 20, 20]}])
    found = [result([60, 50, 20, 20], 0.9), result([10, 10, 20, 20], 0.8)]
    assert score_detections(dataset, found).ap50 == pytest.approx(50)


def test_a_loose_box_counts_at_low_overlap_only(make_set):
    dataset = make_set([{"bbox": [10, 10, 20, 20]}])
    score = score_detections(dataset, [result([10, 10, 20, 30], 0.9)])  # IoU 2/3: .50 .55 .60 .65
    assert score.ap50 == pytest.approx(100)
    assert score.ap == pytest.approx(40)


def test_a_crowd_region_is_neither_hit_nor_miss(make_set):
    dataset = make_set([{"bbox": [10, 10, 20, 20]}, {"bbox": [50, 10, 40, 40], "iscrowd": 1}])
    inside = result([60, 20, 10, 10], 0.95)
    score = score_detections(dataset, [inside, result([10, 10, 20, 20], 0.9)])
    assert score.ap50 == pytest.approx(100)
    assert score.sources["street"].classes["person"].boxes == 1


def test_a_class_is_not_evaluated_in_images_without_its_labels(make_set):
    dataset = make_set([{"bbox": [10, 10, 20, 20]}], labelled_category_ids=[1])
    car = result([60, 20, 10, 10], 0.95, category_id=3)
    score = score_detections(dataset, [car, result([10, 10, 20, 20], 0.9)])
    assert list(score.sources["street"].classes) == ["person"]
    assert score.ap50 == pytest.approx(100)


def test_boxes_of_unlabelled_classes_are_no_truth(make_set):
    pseudo = {"bbox": [60, 20, 10, 10], "category_id": 3, "pseudo": True}
    dataset = make_set([{"bbox": [10, 10, 20, 20]}, pseudo], labelled_category_ids=[1])
    assert score_detections(dataset, [result([10, 10, 20, 20], 0.9)]).ap50 == pytest.approx(100)


def test_sources_weigh_the_same_whatever_their_size(tmp_path):
    content = make_content([{"bbox": [10, 10, 20, 20]}, {"bbox": [5, 5, 9, 9], "image_id": 2}])
    content["images"][1]["source"] = "yard"
    dataset = read_evaluation_set(write_set(tmp_path, content, {}), DataReport())
    score = score_detections(dataset, [result([10, 10, 20, 20], 0.9)])
    assert {name: of.ap50 for name, of in score.sources.items()} == pytest.approx(
        {"street": 100, "yard": 0}
    )
    assert score.ap50 == pytest.approx(50)


def test_nothing_found_scores_zero(make_set):
    score = score_detections(make_set([{"bbox": [10, 10, 20, 20]}]), [])
    assert (score.ap, score.ap50) == (0, 0)


def test_images_that_cannot_be_read_are_named_and_left_out(tmp_path):
    content = make_content([{"bbox": [10, 10, 20, 20]}, {"bbox": [5, 5, 9, 9], "image_id": 2}])
    content["images"] += [
        content["images"][0] | {"id": 3, "file_name": "3.png"},
        content["images"][0] | {"id": 4, "file_name": "4.png"},
    ]
    files = {"1.png": encoded(), "2.png": encoded()[:60], "3.png": encoded(50, 40), "x": b""}
    dataset = read_evaluation_set(write_set(tmp_path, content, files), DataReport())
    report = DataReport()
    found = Detections(
        np.array([[10, 10, 30, 30]], np.float32), np.array([0.9]), np.array([0], np.int32)
    )
    score, results = evaluate(lambda _: found, ("person",), dataset, report)
    assert score.ap50 == pytest.approx(100)
    assert [r["image_id"] for r in results] == [1]
    assert report.problems == {
        "unreadable image": ["2.png"],
        "image of another size": ["3.png: (100, 80), got 50x40"],
        "missing image": ["4.png"],
    }


def test_a_cut_shard_yields_what_it_holds(tmp_path):
    path = write_set(tmp_path, make_content([]), {"1.png": encoded(), "2.png": encoded()})
    shard = tmp_path / "val-00.tar"
    shard.write_bytes(shard.read_bytes()[:1300])
    report = DataReport()
    frames = list(read_frames(read_evaluation_set(path, DataReport()), report))
    assert [image.file_name for image, _ in frames] == ["1.png"]
    assert set(report.problems) >= {"missing image"}


def test_a_set_without_shards_is_refused(tmp_path):
    path = write_set(tmp_path, make_content([]), {})
    (tmp_path / "val-00.tar").unlink()
    with pytest.raises(DataError, match=r"expected shards val-NN\.tar beside it"):
        list(read_frames(read_evaluation_set(path, DataReport()), DataReport()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a COCO data set: .*No such file"),
        ("{", "expected a COCO data set: Input data was truncated"),
        ("[]", "expected a COCO data set: Expected `object`"),
        ('{"categories": []}', "missing required field `images`"),
        (
            '{"categories": [], "images": [{"id": 1}], "annotations": []}',
            r"missing required field `file_name` - at `\$\.images\[0\]`",
        ),
    ],
)
def test_what_is_no_data_set(tmp_path, text, message):
    path = tmp_path / "val.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_evaluation_set(path, DataReport())


def test_a_limit_keeps_images_evenly_spaced(make_set):
    dataset = make_set([])
    many = dataset._replace(images=[dataset.images[0]._replace(image_id=i) for i in range(100)])
    assert [image.image_id for image in take_images(many, 4).images] == [0, 25, 50, 75]
    assert len(take_images(many, 1000).images) == 100


def test_results_are_coco_boxes_with_the_set_s_category_ids():
    found = Detections(
        np.array([[1, 2, 4, 8], [0, 0, 1, 1]], np.float32),
        np.array([0.5, 0.25], np.float32),
        np.array([1, 0], np.int32),
    )
    assert to_results(7, found, [None, 3]) == [result([1, 2, 3, 6], 0.5, 3, 7)]


def test_published_figures_are_compared_within_the_tolerance(make_set):
    dataset = make_set([{"bbox": [10, 10, 20, 20]}])
    score = score_detections(dataset, [result([10, 10, 20, 20], 0.9)])
    near = msgspec.structs.replace(score, ap=score.ap - 0.29)
    far = msgspec.structs.replace(score, ap50=score.ap50 - 0.31)
    assert find_deviations(score, near) == []
    assert find_deviations(score, far) == [
        "mean over sources: ap50 expected 99.69 +- 0.3, got 100.00"
    ]
    assert find_deviations(score, Score(100.0, 100.0, {})) == ["street: only in these figures"]


def test_score_table_names_sources_and_classes(make_set):
    score = score_detections(make_set([{"bbox": [10, 10, 20, 20]}]), [])
    assert "street" in format_score(score)
    assert "person 0" in format_score(score)
    assert format_score(score).splitlines()[-1].startswith("mean over sources")


def run_command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "models.evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_command_line(tmp_path, tiny_model, repository):
    # tiny.onnx sees a person in the left half and a car in the right half of a bright image.
    boxes = [{"bbox": [12.5, 20, 25, 40]}, {"bbox": [62.5, 20, 25, 40], "category_id": 3}]
    path = write_set(
        tmp_path, make_content(boxes), {"1.png": encoded(value=250), "2.png": encoded()}
    )
    scores, detections = tmp_path / "scores.json", tmp_path / "found.json"
    outputs = ("--detections", detections, "--results", scores)
    done = run_command(tiny_model, "--data", path, *outputs, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "mean over sources      AP50 100.0  AP 100.0" in done.stdout
    found = json.loads(detections.read_text())
    assert sorted(found, key=lambda one: one["category_id"]) == [
        result([12.5, 20, 25, 40], 0.98039),
        result([62.5, 20, 25, 40], 0.98039, 3),
    ]
    same = run_command(tiny_model, "--data", path, "--expect", scores, cwd=repository)
    assert same.returncode == 0, same.stderr
    scores.write_text(json.dumps(json.loads(scores.read_text()) | {"ap": 70.0}))
    other = run_command(tiny_model, "--data", path, "--expect", scores, cwd=repository)
    assert other.returncode == 1
    assert "not as published: mean over sources: ap expected 70.00" in other.stderr


def test_real_ground_truth_as_detections_scores_100(shared):
    path = shared / "data/street11/val.json"
    if not path.exists():
        pytest.skip(f"no data set at {path}")
    dataset = read_evaluation_set(path, DataReport())
    truth = [a for of_image in dataset.annotations.values() for a in of_image if not a["iscrowd"]]
    score = score_detections(
        dataset, [result(a["bbox"], 0.9, a["category_id"], a["image_id"]) for a in truth]
    )
    assert score.ap == pytest.approx(100)
    assert len(score.sources) == 5
