"""The training by a teacher's maps, from one iteration to the next.

    teacher.py    runs the teacher, ONNX or ncnn, for its inner maps
    views.py      the windows that teacher and student look at
    cache.py      the teacher's maps of them in 8 bits, on disk
    live.py       hints beside labels, from a teacher that looks at the same images
    criterion.py  adapters, and what they are off by

Shapes: N views, S pixels per side.
"""

import sys

import torch
from torch import Tensor

from models.data.augment import change_colours, see_by_night
from models.errors import ConfigError
from models.thundernet.distributed import own_share
from models.thundernet.random_numbers import uniform
from models.thundernet.thundernet import ThunderNet
from models.train.hints.cache import dequantise
from models.train.hints.criterion import HintCriterion, StudentMaps, student_maps
from models.train.hints.data import HintBatch, HintBatches, HintData
from models.train.hints.recipe import HintsRecipe
from models.train.initial_weights import start_with
from models.train.optimizer import MovingAverage
from models.train.state import TrainingState


class HintsTrainer(TrainingState[HintsRecipe, ThunderNet, HintCriterion]):
    DECISIVE = ("model", "teacher", "optimizer", "batch_size", "seed")

    def __init__(self, recipe: HintsRecipe) -> None:
        if own_share().count > 1:
            raise ConfigError(f"hints: expected one process, got {own_share().count}")
        super().__init__(recipe)

    def make_model(self) -> ThunderNet:
        return ThunderNet(self.recipe.model)

    def make_criterion(self) -> HintCriterion:
        backbone, config = self.model.backbone, self.recipe.model
        return HintCriterion(
            self.recipe.teacher.hints,
            {
                "c4": backbone.c4_channels,
                "c5": backbone.c5_channels,
                "context": config.context_channels,
            },
        )

    def begin(self) -> None:
        """Loads the weights that the recipe starts with, if it names some."""
        self.images_before = start_with(self.model, self.recipe)
        self.average = MovingAverage(self.model, self.recipe.ema_decay)

    def size_at(self, iteration: int) -> int:
        """Pixels per side of the views, the same in every iteration."""
        return self.recipe.size

    def set_mode(self, training: bool) -> None:
        """Of the parts that learn."""
        self.model.backbone.train(training)
        self.model.context.train(training)

    def normalized(self, images: Tensor) -> Tensor:
        return self.model.normalize(images).contiguous(memory_format=torch.channels_last)

    def look(self, batch: HintBatch) -> tuple[StudentMaps, list[Tensor]]:
        """What student and teacher make of a batch."""
        targets = [dequantise(target.to(self.device)) for target in batch.targets]
        return student_maps(self.model, self.normalized(batch.images.to(self.device))), targets

    @torch.no_grad()
    def fit_adapters(self, batches: HintBatches) -> None:
        """Lets the adapters read what the maps have by now, from the views that come next.

        Learned by gradients from random numbers, they sent back what pulled trained weights
        anywhere (docs/training-log.md). Batch norm has the batch's statistics, as in a step.
        """
        count = min(len(batches), self.recipe.fit_views // self.recipe.batch_size)
        self.set_mode(training=True)
        looked = (self.look(batches.batch(self.iteration + number)) for number in range(count))
        explained = self.criterion.fit_adapters(looked)
        found = zip(self.criterion.hints, explained, strict=True)
        parts = ", ".join(f"{hint.name} {part:.0%}" for hint, part in found)
        print(f"iteration {self.iteration}: adapters explain {parts}", file=sys.stderr)

    def step(self, batches: HintBatches) -> dict[str, Tensor]:
        """One iteration; returns its losses, still on the device."""
        if self.iteration % self.recipe.fit_every == 0:
            self.fit_adapters(batches)
        batch = batches.batch(self.iteration)
        images = batch.images.to(self.device)
        generator = self.noise()
        noise = uniform((len(images), 6), generator, self.device)
        coloured = change_colours(images, self.recipe.augment, noise)
        seen = see_by_night(coloured, self.recipe.augment, generator)
        batch = batch._replace(images=seen)
        self.set_mode(training=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.autocast):
            losses = self.criterion(*self.look(batch))
        return self.update(losses)

    @torch.no_grad()
    def validate(self, data: HintData) -> dict[str, float]:
        """How much of each map's variance is explained, in percent, on validation images.

        By the live weights: the adapters are fitted to these.
        """
        self.set_mode(training=False)
        sums = torch.zeros(len(self.criterion.hints), 2, dtype=torch.float64)
        for number in range(len(data.val)):
            sums += self.criterion.sums(*self.look(data.val.batch(number)))
        explained = 100 * (1 - sums[:, 0] / sums[:, 1])
        names = [f"explained/{hint.name}" for hint in self.criterion.hints]
        return {
            "explained": float(explained.mean()),
            **dict(zip(names, explained.tolist(), strict=True)),
        }
