"""A network of other classes begins with all that it shares with a trained one."""

from pathlib import Path

import pytest
import torch

from models.checkpoint import CheckpointError, save_checkpoint
from models.train.initial_weights import load_initial_weights
from models.train.recipe import load_recipe
from models.train.trainer import Trainer
from tests.models.random_network import make_network
from tests.models.recipes import write_recipe
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 6)
    write_split(tmp_path / "data", "val", 2, seed=1)
    return tmp_path


def test_classes_of_the_same_name_keep_their_rows(folder: Path) -> None:
    trained = Trainer(load_recipe(write_recipe(folder)))
    save_checkpoint(folder / "trained.pt", trained.state())
    config = {"input_size": 64, "labels": ["helmet", "car", "person"]}
    other = Trainer(load_recipe(write_recipe(folder, "other.yaml", model=config, seed=7)))
    fresh = other.model.roi_head.classify.weight.detach().clone()
    loaded = load_initial_weights(
        other.model, other.recipe.model, folder / "trained.pt", "all but classes"
    )
    assert loaded.tensors == len(trained.model.state_dict())
    now, then = (net.model.roi_head.classify.weight.detach() for net in (other, trained))
    labels = trained.recipe.model.labels
    assert torch.equal(now[0], then[0])  # the background
    assert torch.equal(now[1], fresh[1])
    assert torch.equal(now[2], then[1 + labels.index("car")])
    assert torch.equal(now[3], then[1 + labels.index("person")])
    before = trained.model.state_dict()
    for name, value in other.model.state_dict().items():
        if "roi_head.classify" not in name:
            assert torch.equal(value, before[name]), name


def test_another_network_is_refused(folder: Path) -> None:
    save_checkpoint(folder / "trained.pt", Trainer(load_recipe(write_recipe(folder))).state())
    model = make_network(balanced_downsampling=False)
    with pytest.raises(CheckpointError, match="balanced_downsampling"):
        load_initial_weights(model, model.config, folder / "trained.pt", "all but classes")


def test_a_held_backbone_stays_as_it_is_and_then_moves(folder: Path) -> None:
    from models.train.data import load_training_data

    recipe = load_recipe(write_recipe(folder, frozen_until=0.5))
    trainer = Trainer(recipe)
    batches = load_training_data(recipe).batches

    def backbone() -> dict[str, torch.Tensor]:
        return {k: v.clone() for k, v in trainer.model.backbone.state_dict().items()}

    before, head = backbone(), trainer.model.rpn.box.weight.detach().clone()
    while trainer.iteration < recipe.iterations // 2:
        trainer.step(batches)
    assert all(torch.equal(value, before[name]) for name, value in backbone().items())
    assert not torch.equal(trainer.model.rpn.box.weight, head)
    trainer.step(batches)
    assert any(not torch.equal(value, before[name]) for name, value in backbone().items())
