import pytest

from models.complexity.label_sets import COCO
from models.data.voc import CLASSES as VOC

pytestmark = pytest.mark.torch


def test_label_sets_have_their_published_sizes() -> None:
    assert (len(set(VOC)), len(set(COCO))) == (20, 80)
    assert "traffic light" in COCO
