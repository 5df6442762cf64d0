"""Distillation: a larger ThunderNet says of each RoI what it is, beside the labels.

Hinton, Vinyals, Dean, *Distilling the knowledge in a neural network*, 2015 (arXiv:1503.02531),
Eq. 1 and Sec. 2. Student and teacher share classes, so nothing needs an adapter as hints do.

Shapes: N images, R RoIs each, K classes; class logits (N, R, K + 1), class 0 is background.
"""

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as F

from models.checkpoint import CheckpointError, load_checkpoint
from models.errors import ConfigError
from models.thundernet import losses
from models.thundernet.criterion import Judgement
from models.thundernet.thundernet import ThunderNet


class DistillationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose classes the student is to give, and how much that counts."""

    teacher: str  # checkpoint of a ThunderNet, whose averaged weights say it
    temperature: float = 2.0  # by which both divide their logits: what is unlikely counts more
    weight: float = 1.0

    def __post_init__(self) -> None:
        for name in ("temperature", "weight"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ConfigError(f"distillation.{name}: expected more than 0, got {value}")


def load_teacher(config: DistillationConfig, labels: tuple[str, ...]) -> ThunderNet:
    """The teacher in evaluation mode; nothing in it takes a gradient.

    Raises:
        ConfigError: no checkpoint of a ThunderNet with the classes `labels`, in their order.
    """
    try:
        model, _ = load_checkpoint(config.teacher)
    except OSError as error:
        reason = f"{config.teacher}: {error.strerror}"
        raise ConfigError(f"distillation.teacher: {reason}") from error
    except CheckpointError as error:
        raise ConfigError(f"distillation.teacher: {error}") from error
    if model.config.labels != labels:
        raise ConfigError(
            f"distillation.teacher: {config.teacher}: expected the classes {', '.join(labels)}, "
            f"got {', '.join(model.config.labels)}"
        )
    return model.requires_grad_(False)


class Distillation:
    """The teacher, and the loss of a student that says something else.

    No module: nothing of it is trained, and no checkpoint of the student holds the teacher.
    """

    def __init__(self, config: DistillationConfig, teacher: ThunderNet) -> None:
        self.config, self.teacher = config, teacher

    @torch.no_grad()
    def look(self, images: Tensor) -> Tensor:
        """The teacher's features (N, F, S/16, S/16) of images (N, 3, S, S) BGR 0 to 255."""
        normalised = self.teacher.normalize(images)
        features: Tensor = self.teacher(
            normalised.contiguous(memory_format=torch.channels_last)
        ).features
        return features

    def loss(self, judged: Judgement, features: Tensor) -> Tensor:
        """Weighted divergence of student from teacher, of the RoIs that the student drew.

        Gradients of soft targets shrink by the square of the temperature, which is given back.
        """
        c, rois = self.config, judged.rois
        with torch.no_grad():
            expected = self.teacher.classify(features, rois.boxes).class_logits
        each = divergence(judged.output.class_logits, expected, c.temperature)
        return c.weight * c.temperature**2 * losses.weighted_mean(each, rois.valid)


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softened classes, nats (N, R), of logits (N, R, K + 1)."""
    given = F.log_softmax(student.float() / temperature, dim=-1)
    expected = F.log_softmax(teacher.float() / temperature, dim=-1)
    return F.kl_div(given, expected, reduction="none", log_target=True).sum(dim=-1)
