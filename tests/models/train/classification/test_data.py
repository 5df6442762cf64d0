from pathlib import Path

import pytest

from models.data.report import DataError
from models.train.classification.data import load_classification_data
from tests.models.train.classification.recipes import read

pytestmark = pytest.mark.torch


def test_a_number_of_classes_that_the_folder_lacks_is_refused(folder: Path) -> None:
    model = {"backbone": "snet49", "input_size": 64, "num_classes": 1000}
    with pytest.raises(DataError, match=r"expected 1000 class folders.*found 3"):
        load_classification_data(read(folder, model=model))
