from pathlib import Path

import pytest
import torch

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
