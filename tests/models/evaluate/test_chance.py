"""Draws of images: a draw of each once is average precision itself, and chance has its width."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.data.report import DataReport
from models.evaluate.average_precision import score_detections
from models.evaluate.chance import (
    compare_models,
    draw,
    match_images,
    mean_average_precision,
)
from models.evaluate.evaluation_set import EvaluationSet, read_evaluation_set
from models.evaluate.results import Result
from tests.models.tiny_set import make_content, make_result, write_set

pytestmark = pytest.mark.torch

IMAGES = 60
SOURCES = ("street", "yard", "empty")


def make_dataset(folder: Path, seed: int = 0) -> EvaluationSet:
    """Persons and cars, some of them crowds, in images of two sources; a third shows nothing."""
    random = np.random.default_rng(seed)
    content = make_content([])
    plain = {"width": 100, "height": 80}
    content["images"] = [
        plain | {"id": 7 * i, "file_name": f"{i}.png", "source": SOURCES[i % 3]}
        for i in range(IMAGES)
    ]
    for image in content["images"]:
        if image["source"] != "empty":
            for _ in range(random.integers(0, 5)):
                content["annotations"].append(draw_box(random) | {"image_id": image["id"]})
    return read_evaluation_set(write_set(folder, content, {}), DataReport())


def draw_box(random: np.random.Generator) -> dict[str, Any]:
    x, y, width, height = (int(random.integers(low, high)) for low, high in
                           ((0, 60), (0, 40), (10, 40), (10, 40)))  # fmt: skip
    crowd, category_id = int(random.random() < 0.1), int(random.choice([1, 3]))
    return {"bbox": [x, y, width, height], "category_id": category_id, "iscrowd": crowd}


def find(dataset: EvaluationSet, hits: float, seed: int = 1) -> list[Result]:
    """Results of a detector that finds so many of the objects, and others that are not there."""
    random = np.random.default_rng(seed)
    results = []
    for image in dataset.images:
        for box in dataset.annotations.get(image.image_id, []):
            if random.random() < hits:
                score = round(float(random.uniform(0.2, 1)), 2)
                results.append(make_result(box["bbox"], score, box["category_id"], image.image_id))
        for _ in range(random.integers(0, 3)):
            box, score = draw_box(random), round(float(random.uniform(0, 0.8)), 2)
            results.append(make_result(box["bbox"], score, box["category_id"], image.image_id))
    return results


@pytest.mark.parametrize("hits", [0.0, 0.4, 0.9, 1.0])
def test_each_image_once_is_average_precision(tmp_path: Path, hits: float) -> None:
    dataset = make_dataset(tmp_path)
    results = find(dataset, hits)
    matches = match_images(dataset, results)
    once = [np.ones((1, len(source.image_ids)), np.intp) for source in matches]
    expected = score_detections(dataset, results).ap50
    assert mean_average_precision(matches, once) == pytest.approx([expected], abs=1e-9)


def test_an_image_drawn_twice_counts_twice(tmp_path: Path) -> None:
    """As a set does that lists it twice; scores differ, as the order of equal ones is open."""
    dataset = make_dataset(tmp_path)
    results = find(dataset, 0.7)
    for number, result in enumerate(results):
        result["score"] += number / 1e6
    times = [draw(len(source.image_ids), 1, np.random.default_rng(5))
             for source in match_images(dataset, results)]  # fmt: skip
    images, annotations, found = [], {}, []
    for source, drawn in zip(match_images(dataset, results), times, strict=True):
        for image_id, count in zip(source.image_ids, drawn[0], strict=True):
            (image,) = [one for one in dataset.images if one.image_id == image_id]
            for again in range(count):
                number = image_id + 10_000 * again
                images.append(image._replace(image_id=number))
                own = dataset.annotations.get(image_id, [])
                annotations[number] = [box | {"image_id": number} for box in own]
                found += [r | {"image_id": number} for r in results if r["image_id"] == image_id]
    listed = dataset._replace(images=images, annotations=annotations)
    assert sum(len(row) for row in annotations.values()) > 50
    (value,) = mean_average_precision(match_images(dataset, results), times)
    # A detection that is there twice has one precision after each of the two: a trifle apart.
    assert value == pytest.approx(score_detections(listed, found).ap50, abs=0.3)


def test_the_difference_of_two_models(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    good, bad = (match_images(dataset, find(dataset, hits)) for hits in (0.9, 0.4))
    better = compare_models(bad, good)
    assert better is not None
    assert 0 < better.low < better.value < better.high
    worse = compare_models(good, bad)
    assert worse is not None
    assert worse == pytest.approx((-better.value, -better.high, -better.low))
    assert compare_models(good, good) == (0, 0, 0)
    # Alike ones, each with other luck: the difference may be of either sign.
    lucky = match_images(dataset, find(dataset, 0.9, seed=8))
    alike = compare_models(good, lucky)
    assert alike is not None
    assert alike.low < 0 < alike.high


def test_models_that_saw_other_images_are_not_compared(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    fewer = dataset._replace(images=dataset.images[1:])
    with pytest.raises(ValueError, match="expected matches of the same images"):
        compare_models(match_images(dataset, []), match_images(fewer, []))


def test_without_objects_there_is_no_difference(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)._replace(annotations={})
    matches = match_images(dataset, find(dataset, 0.5))
    assert compare_models(matches, matches) is None
