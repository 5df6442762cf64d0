from pathlib import Path

import pytest
import torch

from models.data.report import DataError
from models.train.classification.data import ClassificationData, load_classification_data
from models.train.classification.trainer import ClassifierTrainer
from models.train.classification.validation import count_right, validate
from tests.models.train.classification.recipes import read

pytestmark = pytest.mark.torch


def test_count_right_counts_first_and_first_five() -> None:
    logits = torch.arange(14.0).view(2, 7)  # the last class is the best guess for both
    assert count_right(logits, torch.tensor([6, 2])).tolist() == [1, 2]
    assert count_right(logits, torch.tensor([1, 1])).tolist() == [0, 0]


def test_validation_counts_readable_images_alone(folder: Path) -> None:
    (folder / "images/val/disc/000.jpg").unlink()
    (folder / "images/val/disc/000.jpg").mkdir()  # cannot be read as a file
    recipe = read(folder)
    data: ClassificationData = load_classification_data(recipe)
    model = ClassifierTrainer(recipe).model
    torch.nn.init.zeros_(model.classify.weight)
    with torch.no_grad():
        model.classify.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))  # everything is a disc
    scores = validate(model, data.val)
    data.close()
    assert scores == pytest.approx({"top1": 20.0, "top5": 100.0})  # one of five


def test_no_readable_image_is_no_score_of_zero(folder: Path) -> None:
    for path in (folder / "images/val").rglob("*.jpg"):
        path.unlink()
        path.mkdir()  # cannot be read as a file
    recipe = read(folder)
    data: ClassificationData = load_classification_data(recipe)
    with pytest.raises(DataError, match="expected a readable image among 6, got none"):
        validate(ClassifierTrainer(recipe).model, data.val)
    data.close()
