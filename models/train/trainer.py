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
hints/ trains backbone and context by the feature maps of a teacher; distillation.py trains the head
by the classes of a larger ThunderNet.
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.data.augment import compose, see_by_night
from models.data.batches import Batches
from models.data.resident_batches import ResidentBatches
from models.errors import ConfigError
from models.thundernet.criterion import Criterion, Judgement
from models.thundernet.distributed import own_share
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.thundernet import DenseOutput, ThunderNet
from models.train.data import TrainingData
from models.train.distillation import Distillation, load_teacher
from models.train.hints.live import Held, LiveHints
from models.train.hints.regions import Regions
from models.train.hints.teacher_config import StudentMap
from models.train.initial_weights import start_with
from models.train.optimizer import MovingAverage
from models.train.recipe import Recipe
from models.train.schedule import augmentation, input_size
from models.train.seeded_generator import seeded_generator
from models.train.state import TrainingState, place
from models.train.validation import validate


class Seen(NamedTuple):
    """What the teachers of a run make of a batch's images by day."""

    maps: Sequence[Tensor] = ()  # of hints, standardised
    features: Tensor | None = None  # of distillation


class Objective(nn.Module):
    """Network and criteria as one module, so that data parallelism sees every parameter."""

    def __init__(
        self,
        dense: nn.Module,
        criterion: Criterion,
        hints: LiveHints | None,
        distillation: Distillation | None,
    ) -> None:
        super().__init__()
        self.dense = dense  # the model, or what it was compiled to
        self.criterion = criterion
        self.hints = hints
        self.distillation = distillation

    def forward(
        self,
        images: Tensor,
        anchors: Tensor,
        size: int,
        truth: GroundTruth,
        generator: torch.Generator,
        seen: Seen,
    ) -> dict[str, Tensor]:
        dense: DenseOutput = self.dense(images)
        judged: Judgement = self.criterion(dense, anchors, size, truth, generator)
        found = judged.losses
        if self.hints:
            found = found | self.hints(held(dense, judged, size), seen.maps)
        if self.distillation and seen.features is not None:
            found = found | {"distillation": self.distillation.loss(judged, seen.features)}
        return found


def held(dense: DenseOutput, judged: Judgement, size: int) -> Held:
    """What the network holds of a batch whose images have `size` pixels per side."""
    rois = judged.rois
    return Held(dense.context, Regions(rois.boxes / size, rois.valid, judged.output.hidden))


class Trainer(TrainingState[Recipe, ThunderNet, Criterion]):
    DECISIVE = (
        "model", "criterion", "teacher", "distillation", "optimizer", "batch_size", "seed",
    )  # fmt: skip

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
        self.hints = self.make_hints()
        self.distillation = self.make_distillation()
        parts = (self.dense, self.criterion, self.hints, self.distillation)
        self.objective = self.spread(Objective(*parts))

    def make_model(self) -> ThunderNet:
        return ThunderNet(self.recipe.model)

    def make_criterion(self) -> Criterion:
        return Criterion(self.model, self.recipe.criterion)

    def make_hints(self) -> LiveHints | None:
        recipe = self.recipe
        if recipe.teacher is None:
            return None
        if own_share().count > 1:
            raise ConfigError("teacher: expected none with several processes, got one")
        model = recipe.model
        widths: dict[StudentMap, int] = {
            "context": model.context_channels,
            "rois": model.hidden_channels,
        }
        return LiveHints(recipe.teacher, widths, recipe.threads).to(self.device)

    def make_distillation(self) -> Distillation | None:
        recipe = self.recipe
        if recipe.distillation is None:
            return None
        teacher = load_teacher(recipe.distillation, recipe.model.labels)
        return Distillation(recipe.distillation, place(teacher, self.device))

    def state(self) -> dict[str, Any]:
        return super().state() | ({"hints": self.hints.state_dict()} if self.hints else {})

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        if self.hints:
            self.hints.load_state_dict(state["hints"])

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
        recipe, size = self.recipe, self.size_at(self.iteration)
        if self.hints and self.iteration % self.hints.config.fit_every == 0:
            self.fit_adapters(self.hints, batches)
        generator = self.noise()
        images, daylight, truth = self.look(batches, self.iteration, generator)
        seen = self.see(daylight)
        anchors = self.anchors(size)
        self.model.train()
        self.hold_backbone()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.autocast):
            normalised = self.normalized(images)
            losses = self.objective(normalised, anchors, size, truth, generator, seen)
        return self.update(losses)

    def see(self, daylight: Tensor) -> Seen:
        """What the teachers make of images (N, 3, S, S) BGR 0 to 255."""
        return Seen(
            self.hints.standardise(self.hints.look(daylight)) if self.hints else (),
            self.distillation.look(daylight) if self.distillation else None,
        )

    def look(
        self, batches: Batches | ResidentBatches, iteration: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, GroundTruth]:
        """The augmented images of an iteration, BGR 0 to 255; the same by day; what is in them.

        By day is what a teacher sees: it was not made for the night, and what is there is the same.
        """
        batch = batches.batch(iteration).to(self.device)
        changes = augmentation(self.recipe, iteration)
        size = self.size_at(iteration)
        daylight, truth = compose(batch, size, self.model.pixel_mean, changes, generator)
        return see_by_night(daylight, changes, generator), daylight, truth

    def normalized(self, images: Tensor) -> Tensor:
        return self.model.normalize(images).contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def fit_adapters(self, hints: LiveHints, batches: Batches | ResidentBatches) -> None:
        """Lets the adapters read what context and head have by now, of the batches that follow."""
        self.model.train()  # batch norm has the batch's statistics, as in a step
        found: list[Held] = []
        looks: list[list[Tensor]] = []
        last = self.recipe.iterations - 1
        for number in range(hints.config.fit_batches):
            iteration = min(self.iteration + number, last)
            size = self.size_at(iteration)
            noise = seeded_generator(self.device, self.recipe.seed, iteration, self.share.rank)
            images, daylight, truth = self.look(batches, iteration, noise)
            dense = self.model(self.normalized(images))
            judged = self.criterion(dense, self.anchors(size), size, truth, noise)
            found.append(held(dense, judged, size))
            looks.append(hints.look(daylight))
        explained = zip(hints.config.hints, hints.fit(found, looks), strict=True)
        parts = ", ".join(f"{hint.name} {part:.0%}" for hint, part in explained)
        print(f"iteration {self.iteration}: adapters explain {parts}", file=sys.stderr)

    def validate(self, data: TrainingData) -> dict[str, float]:
        """Scores of the averaged weights on the validation images."""
        return validate(self.averaged_model(), data.val, data.val_set)
