"""Training in two processes: the same step as in one process with the joined batch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.checkpoint import save_checkpoint
from models.data import augment
from models.thundernet import criterion
from models.thundernet.criterion import Criterion
from models.thundernet.distributed import Share
from models.thundernet.ground_truth import IGNORE
from models.thundernet.thundernet import ThunderNet
from models.train.data import load_training_data
from models.train.recipe import load_recipe
from models.train.seeded_generator import seeded_generator
from models.train.trainer import Trainer
from tests.models.random_network import make_network
from tests.models.recipes import write_recipe
from tests.models.tiny_street11 import write_json, write_split
from tests.models.two_processes import COUNT, call_in_two

pytestmark = pytest.mark.torch

BATCH = 8
CHOICES = ("random", "hard", "distilled")  # RoIs drawn at random, by OHEM; with a teacher


def write_uneven_data(folder: Path) -> None:
    """Images with two objects, with none, and with one that is a region to ignore."""
    content = write_split(folder / "data", "train", 2 * BATCH)
    kept = [a for a in content["annotations"] if a["image_id"] % 4]
    for annotation in kept:
        annotation["iscrowd"] = int(annotation["image_id"] % 4 == 1)
    write_json(folder / "data", "train", content | {"annotations": kept})
    write_split(folder / "data", "val", 2)


def write_recipes(folder: Path) -> None:
    few = {"rois_per_image": 24, "anchors_per_image": 64, "jittered_rois": 4}
    teacher = make_network(3, input_size=64)
    state = {"ema": teacher.state_dict(), "meta": {"model": {"input_size": 64}}}
    save_checkpoint(folder / "teacher.pt", state)
    distillation = {"teacher": str(folder / "teacher.pt")}
    for choice in CHOICES:
        write_recipe(
            folder,
            f"{choice}.yaml",
            batch_size=BATCH,
            criterion=few | {"context_weight": 1.0, "hard_examples": choice == "hard"},
            distillation=distillation if choice == "distilled" else None,
            optimizer={"name": "sgd", "lr": 0.01, "clip_norm": None},
        )


class WideTrainer(Trainer):
    """Convolutions in double precision: random deep networks amplify rounding to percents."""

    def make_model(self) -> ThunderNet:
        model = ThunderNet(self.recipe.model).double()
        model.pixel_mean, model.pixel_std = model.pixel_mean.float(), model.pixel_std.float()
        model.register_forward_pre_hook(lambda _, images: images[0].double())
        return model

    def make_criterion(self) -> Criterion:
        return super().make_criterion().double()


class JoinedTrainer(WideTrainer):
    """One process that draws for each half of its batch what the process of that half draws."""

    def noise(self) -> Any:
        keys = [(self.recipe.seed, self.iteration, rank) for rank in range(COUNT)]
        return [seeded_generator(self.device, *key) for key in keys]


def take_step(trainer: Trainer) -> dict[str, Any]:
    data = load_training_data(trainer.recipe)
    losses = trainer.step(data.batches)
    gradients = {name: value.grad for name, value in trainer.objective.named_parameters()}
    return {
        "losses": losses,
        "gradients": {name.removeprefix("module."): value for name, value in gradients.items()},
        "weights": trainer.model.state_dict(),
        "truth": data.batches.batch(0).labels,
    }


def step_of_share(rank: int, folder: Path) -> dict[str, Any]:
    return {
        choice: take_step(WideTrainer(load_recipe(folder / f"{choice}.yaml"))) for choice in CHOICES
    }


def joined_uniform(
    shape: tuple[int, ...], generators: list[torch.Generator], device: torch.device
) -> Tensor:
    part = (shape[0] // len(generators), *shape[1:])
    return torch.cat([torch.rand(part, generator=each) for each in generators]).to(device)


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Equal up to the rounding of losses, which are in single precision."""
    assert found.keys() == expected.keys()
    # Biases in front of a batch norm have no gradient but rounding.
    reach = max(value.double().abs().max().item() for value in expected.values())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6 * reach, msg=name)


def test_gradients_are_those_of_one_process_with_the_joined_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_uneven_data(tmp_path)
    write_recipes(tmp_path)
    whole = {}
    with monkeypatch.context() as patch:
        for module in (criterion, augment):
            patch.setattr(module, "uniform", joined_uniform)
        for choice in CHOICES:
            whole[choice] = take_step(JoinedTrainer(load_recipe(tmp_path / f"{choice}.yaml")))

    parts = call_in_two(step_of_share, tmp_path)
    objects = [(part["random"]["truth"] > 0).sum() for part in parts]
    ignored = [(part["random"]["truth"] == IGNORE).sum() for part in parts]
    assert objects[0] != objects[1]  # else every process's own divisor would do
    assert ignored[0] != ignored[1]
    for choice in CHOICES:
        one, two = (part[choice] for part in parts)
        assert_close(one["gradients"], whole[choice]["gradients"])
        assert_close(one["weights"], whole[choice]["weights"])
        for name, value in two["weights"].items():
            assert torch.equal(value, one["weights"][name]), name
        means = {name: (one["losses"][name] + two["losses"][name]) / 2 for name in one["losses"]}
        assert_close(means, whole[choice]["losses"])


def test_shares_make_up_the_batch() -> None:
    rows = list(range(12))
    shares = [Share(rank, 3).of(rows) for rank in range(3)]
    assert [row for share in shares for row in share] == rows
    assert [len(share) for share in shares] == [4, 4, 4]
