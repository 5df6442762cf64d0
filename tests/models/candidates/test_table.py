"""What a row of the table says, of results made by hand."""

from pathlib import Path
from typing import Any

import pytest

from models.candidates.candidate import Clip, Measured, Part
from models.candidates.table import cells, clip_cell, header
from models.data.report import DataReport
from models.evaluate.chance import match_images
from models.evaluate.clip import ClipCounts
from models.evaluate.evaluation_set import EvaluationSet, read_evaluation_set
from models.evaluate.results import Result
from models.evaluate.source_report import report_by_source
from tests.models.tiny_set import make_content, make_result, write_set

pytestmark = pytest.mark.torch

PERSON: dict[str, Any] = {"bbox": [10, 10, 20, 40]}
RIGHT = make_result([10, 10, 20, 40], 0.9)
# Of image 2, which shows nothing: one from .25 on, one from .5 on too.
FALSE = [
    make_result([50, 10, 20, 40], 0.3, image_id=2),
    make_result([50, 10, 20, 40], 0.6, category_id=3, image_id=2),
]


def read_set(folder: Path, sources: tuple[str, str]) -> EvaluationSet:
    """A person in the first image; each image is of its own source."""
    content = make_content([PERSON])
    for image, source in zip(content["images"], sources, strict=True):
        image["source"] = source
    return read_evaluation_set(write_set(folder, content, {}), DataReport())


def measure(dataset: EvaluationSet, results: list[Result]) -> tuple[Measured, Measured]:
    """Of the first candidate, beside itself."""
    scores = report_by_source(dataset, results)
    measured = Measured(scores, match_images(dataset, results), [])
    return measured, measured


def test_false_detections_stand_where_a_source_shows_nothing(tmp_path: Path) -> None:
    dataset = read_set(tmp_path, ("street", "empty"))
    part = Part(dataset._replace(light="low"), "choosing")
    titles, _ = header([part], [Clip(Path("walk.mp4"), "0" * 64)])
    assert titles.strip("| ").split(" | ") == [
        "weights",
        "val in low light, AP50 / AP",
        "val in low light, AP50 beyond the first's",
        "val in low light, AP50 of persons",
        "val in low light, persons where 80 % is right",
        "val in low light, false per empty image from .25 / .5",
        "frames of walk, a person / an animal / nothing",
    ]
    row = cells(part, *measure(dataset, [RIGHT, *FALSE]))
    assert row == ["100.0 / 100.0", "-", "100.0", "100 %", "2.00 / 1.00"]


def test_a_row_keeps_its_cells_where_no_empty_image_was_read(tmp_path: Path) -> None:
    part = Part(read_set(tmp_path, ("street", "empty")), "choosing")
    read = part.dataset._replace(images=part.dataset.images[:1])
    titles, _ = header([part], [])
    row = cells(part, *measure(read, [RIGHT]))
    assert row[-1] == "-"
    assert len(row) == titles.count(" | ")


def test_what_a_set_does_not_show_is_left_out(tmp_path: Path) -> None:
    dataset = read_set(tmp_path, ("street", "street"))
    titles, _ = header([Part(dataset, "choosing")], [])
    assert "false" not in titles
    cars = dataset._replace(
        annotations={1: [dataset.annotations[1][0] | {"category_id": 3}]},
    )
    assert cells(Part(cars, "choosing"), *measure(cars, [RIGHT])) == ["0.0 / 0.0", "-", "-", "-"]


def test_a_film_has_groups_that_a_model_knows() -> None:
    counts = ClipCounts(frames=9, empty=4, groups={"persons": 5}, labels={"person": 5})
    assert clip_cell(counts) == "5 / - / 4"


def test_another_candidate_stands_beside_the_first(tmp_path: Path) -> None:
    dataset = read_set(tmp_path, ("street", "street"))
    part = Part(dataset, "choosing")
    (_, better), (first, _) = (measure(dataset, results) for results in ([RIGHT], FALSE))
    assert cells(part, better, first)[1] == "+100.0 (+100.0 to +100.0)"
    assert cells(part, first, better)[1] == "-100.0 (-100.0 to -100.0)"
    assert cells(part, measure(dataset, FALSE)[0], first)[1] == "+0.0 (+0.0 to +0.0)"
