"""The classifier's training, from one iteration to the next.

Shapes: N images, S pixels per side, K classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.thundernet.classifier import Classifier
from models.thundernet.distributed import loss_divisor
from models.train.classification.augment import augment
from models.train.classification.batches import UNREADABLE, CropBatches
from models.train.classification.data import ClassificationData
from models.train.classification.recipe import ClassificationRecipe
from models.train.classification.validation import validate
from models.train.state import TrainingState


class ClassLoss(nn.Module):
    """Smoothed cross-entropy of the images that could be read."""

    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        total = F.cross_entropy(
            logits.float(),  # (N, K)
            labels,
            ignore_index=UNREADABLE,
            reduction="sum",
            label_smoothing=self.smoothing,
        )
        return total / loss_divisor((labels != UNREADABLE).sum())


class Objective(nn.Module):
    """Network and loss as one module, so that data parallelism sees every parameter."""

    def __init__(self, model: Classifier, loss: nn.Module) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"class": self.loss(self.model(images), labels)}


class ClassifierTrainer(TrainingState[ClassificationRecipe, Classifier, ClassLoss]):
    DECISIVE = ("model", "label_smoothing", "optimizer", "batch_size", "seed")

    def __init__(self, recipe: ClassificationRecipe) -> None:
        super().__init__(recipe)
        self.objective = self.spread(Objective(self.model, self.criterion))

    def make_model(self) -> Classifier:
        return Classifier(self.recipe.model)

    def make_criterion(self) -> ClassLoss:
        return ClassLoss(self.recipe.label_smoothing)

    def size_at(self, iteration: int) -> int:
        """Pixels per side of the images, the same in every iteration."""
        return self.recipe.model.input_size

    def step(self, batches: CropBatches) -> dict[str, Tensor]:
        """One iteration; returns its loss, still on the device."""
        batch = batches.batch(self.iteration).to(self.device)
        images = augment(batch.images, self.recipe.augment, self.noise())
        images = self.model.normalize(images).contiguous(memory_format=torch.channels_last)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.autocast):
            losses = self.objective(images, batch.labels)
        return self.update(losses)

    def validate(self, data: ClassificationData) -> dict[str, float]:
        """Accuracy of the averaged weights on the validation images."""
        return validate(self.averaged_model(), data.val)
