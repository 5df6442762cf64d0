"""The authors' weights, drawn at random, and the network that they are converted to."""

from pathlib import Path

import msgspec
import pytest
from torch import Tensor

from models.convert.foreign_weights import (
    load_foreign,
)
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from models.train.recipe import load_recipe
from tests.models.authors_network import draw_weights
from tests.models.convert.checkpoints import as_checkpoint

SIZE = 128


@pytest.fixture(scope="module")
def config(repository: Path) -> ThunderNetConfig:
    shipped = load_recipe(repository / "configs/train/snet146_coco_authors.yaml").model
    return msgspec.structs.replace(shipped, input_size=SIZE)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return draw_weights(classes=80)


@pytest.fixture(scope="module")
def converted(config: ThunderNetConfig, weights: dict[str, Tensor]) -> ThunderNet:
    model = ThunderNet(config).eval()
    load_foreign(model, as_checkpoint(weights))
    return model
