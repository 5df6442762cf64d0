"""The detector's training, from one iteration to the next.

The way of a run through the files of this folder:

    command.py     reads the recipe (recipe.py) and joins the processes (process_group.py)
    task.py        chooses trainer and data by the recipe's `task`
    data.py        loads the training batches and the validation set
    run.py         repeats `Trainer.step`; logs (run_log.py), validates and saves in between
    trainer.py     a step: batch, augmentation, network, criterion, losses
    state.py       ends the step: gradients, optimizer, average; what a checkpoint holds
    schedule.py    learning rate, size and augmentation of an iteration
    optimizer.py   moves the weights (muon.py), and averages them
    validation.py  average precision of the averaged weights

classification/ holds the same parts for backbones on ImageNet; run.py and state.py serve both.
widening/ makes first weights for a backbone out of those of a narrower one.
hints/ trains backbone and context by the feature maps of a teacher.
"""

import torch
from torch import Tensor, nn

from models.data.augment import augment
from models.data.batches import Batches
from models.data.resident_batches import ResidentBatches
from models.errors import ConfigError
from models.thundernet.criterion import Criterion
from models.thundernet.distributed import own_share
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.thundernet import DenseOutput, ThunderNet
from models.train.data import TrainingData
from models.train.initial_weights import start_with
from models.train.optimizer import MovingAverage
from models.train.recipe import Recipe
from models.train.schedule import augmentation, input_size
from models.train.state import TrainingState
from models.train.validation import validate


class Objective(nn.Module):
    """Network and criterion as one module, so that data parallelism sees every parameter."""

    def __init__(self, dense: nn.Module, criterion: Criterion) -> None:
        super().__init__()
        self.dense = dense  # the model, or what it was compiled to
        self.criterion = criterion

    def forward(
        self,
        images: Tensor,
        anchors: Tensor,
        size: int,
        truth: GroundTruth,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        dense: DenseOutput = self.dense(images)
        losses: dict[str, Tensor] = self.criterion(dense, anchors, size, truth, generator)
        return losses


class Trainer(TrainingState[Recipe, ThunderNet, Criterion]):
    DECISIVE = ("model", "criterion", "optimizer", "batch_size", "seed")

    def __init__(self, recipe: Recipe) -> None:
        if recipe.compile == "all" and own_share().count > 1:
            # Its batch norm talks to the other processes in every layer.
            raise ConfigError("compile: expected no or match with several processes, got all")
        if recipe.frozen_until and own_share().count > 1:
            raise ConfigError("frozen_until: expected 0 with several processes, got another")
        super().__init__(recipe)
        self.known_anchors: dict[int, Tensor] = {}  # by input size
        self.dense: nn.Module = self.model
        if recipe.compile != "no":
            self.criterion.match = torch.compile(self.criterion.match)
        if recipe.compile == "all":
            # One graph per input size: there are few, and each runs for thousands of iterations.
            compiled = torch.compile(self.model, dynamic=False)
            assert isinstance(compiled, nn.Module)
            self.dense = compiled
            self.criterion.pool_and_classify = torch.compile(self.model.classify)
        self.objective = self.spread(Objective(self.dense, self.criterion))

    def make_model(self) -> ThunderNet:
        return ThunderNet(self.recipe.model)

    def make_criterion(self) -> Criterion:
        return Criterion(self.model, self.recipe.criterion)

    def begin(self) -> None:
        """Loads the weights that the recipe starts with, if it names some."""
        self.images_before = start_with(self.model, self.recipe)
        self.average = MovingAverage(self.model, self.recipe.ema_decay)

    def size_at(self, iteration: int) -> int:
        """Pixels per side of the images at `iteration`, counted from 0."""
        return input_size(self.recipe, iteration)

    def anchors(self, size: int) -> Tensor:
        """Those of images of `size` pixels, on the device since their first use."""
        if size not in self.known_anchors:
            self.known_anchors[size] = self.model.anchors(size).to(self.device)
        return self.known_anchors[size]

    def hold_backbone(self) -> None:
        """Keeps the backbone, and what its batch norms know, in the first part of the run."""
        recipe = self.recipe
        is_held = self.iteration < recipe.frozen_until * recipe.iterations
        if is_held:
            self.model.backbone.eval()
        if recipe.frozen_until:
            self.model.backbone.requires_grad_(not is_held)

    def step(self, batches: Batches | ResidentBatches) -> dict[str, Tensor]:
        """One iteration; returns its losses, still on the device."""
        recipe, generator, size = self.recipe, self.noise(), self.size_at(self.iteration)
        batch = batches.batch(self.iteration).to(self.device)
        changes = augmentation(recipe, self.iteration)
        images, truth = augment(batch, size, self.model.pixel_mean, changes, generator)
        images = self.model.normalize(images).contiguous(memory_format=torch.channels_last)
        anchors = self.anchors(size)
        self.model.train()
        self.hold_backbone()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.autocast):
            losses = self.objective(images, anchors, size, truth, generator)
        return self.update(losses)

    def validate(self, data: TrainingData) -> dict[str, float]:
        """Scores of the averaged weights on the validation images."""
        return validate(self.averaged_model(), data.val, data.val_set)
