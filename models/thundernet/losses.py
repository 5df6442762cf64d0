"""Losses of proposals, RoIs and context, summed over examples that count and divided by those.

Counts are of all processes that train together (`loss_divisor`), as if their batch were one.

Shapes: N images, R examples per image, K classes, M padded ground truth boxes, H x W cells.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from models.thundernet.config import STRIDE
from models.thundernet.distributed import loss_divisor
from models.thundernet.ground_truth import IGNORE, GroundTruth

# Not minus infinity: a row of those is NaN after softmax, and bfloat16 holds this one.
MASKED_LOGIT = -1e4
FOCAL_GAMMA = 2.0  # RetinaNet's pair: easy cells count little, objects a quarter
FOCAL_ALPHA = 0.25


class Softening(NamedTuple):
    """What a class loss asks for less of than to be sure of everything."""

    smoothing: float = 0.0  # part of the target that all classes share (Szegedy et al., CVPR 2016)
    focal_gamma: float = 0.0  # RoIs that are told right count less (Lin et al., ICCV 2017)


HARD = Softening()


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of `values` where `weights` is true; 0 with a valid gradient where it is nowhere."""
    weights = weights.to(values.dtype)
    return (values * weights).sum() / loss_divisor(weights.sum())


def objectness_loss(logits: Tensor, positive: Tensor, valid: Tensor) -> Tensor:
    target = positive.to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return weighted_mean(each, valid)


def box_loss(deltas: Tensor, target: Tensor, positive: Tensor, valid: Tensor) -> Tensor:
    """L1 over the objects, divided by all examples drawn, which balances it with the class loss."""
    each = (deltas - target).abs().sum(dim=-1)  # (N, R)
    return (each * positive).sum() / loss_divisor(valid.sum())


def mask_unlabelled(class_logits: Tensor, is_object: Tensor, labelled: Tensor) -> Tensor:
    """Logits (N, R, K + 1) that classes which the image was not annotated for do not influence.

    A background RoI may hold an object of such a class; the loss must not teach otherwise.
    """
    untrusted = ~labelled[:, None] & ~is_object[..., None]  # (N, R, K)
    background = torch.zeros_like(untrusted[..., :1])
    return class_logits.masked_fill(torch.cat((background, untrusted), dim=-1), MASKED_LOGIT)


def class_losses(
    class_logits: Tensor,
    classes: Tensor,
    labelled: Tensor,
    unlabelled_trust: float = 0.0,
    softening: Softening = HARD,
) -> Tensor:
    """Cross-entropy of every RoI (N, R); `classes` 0 is background.

    With a probability of `unlabelled_trust` an image shows no unmarked object of the classes that
    it was not annotated for either: the loss is the expectation.
    """
    masked_logits = mask_unlabelled(class_logits, classes > 0, labelled)
    masked = cross_entropy(masked_logits, classes, softening)
    if not unlabelled_trust:
        return masked
    return torch.lerp(masked, cross_entropy(class_logits, classes, softening), unlabelled_trust)


def cross_entropy(class_logits: Tensor, classes: Tensor, softening: Softening = HARD) -> Tensor:
    """That of every RoI (N, R), from logits (N, R, K + 1). Masked classes are no choice."""
    logits = class_logits.flatten(0, 1)
    each = right = F.cross_entropy(logits, classes.flatten(), reduction="none")
    if softening.smoothing:
        each = torch.lerp(each, mean_surprise(logits), softening.smoothing)
    if softening.focal_gamma:
        certainty = (-right).exp()  # the probability of the right class
        each = each * (1 - certainty) ** softening.focal_gamma
    return each.view(classes.shape)


def mean_surprise(logits: Tensor) -> Tensor:
    """Mean of -log p over the classes that are not masked, (E,) of logits (E, K + 1)."""
    is_choice = logits > MASKED_LOGIT / 2
    surprise = -F.log_softmax(logits, dim=-1)
    return torch.where(is_choice, surprise, 0).sum(dim=-1) / is_choice.sum(dim=-1)


def context_targets(
    truth: GroundTruth, height: int, width: int, unlabelled_trust: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Which classes lie over each cell's centre, and how sure that is, 0 to 1: both (N, H*W, K)."""
    device = truth.boxes.device
    ys = torch.arange(height, device=device).repeat_interleave(width) * STRIDE
    xs = torch.arange(width, device=device).repeat(height) * STRIDE
    x1, y1, x2, y2 = truth.boxes[:, None].unbind(dim=-1)  # (N, 1, M)
    xs, ys = xs[:, None], ys[:, None]
    inside = (xs >= x1) & (xs < x2) & (ys >= y1) & (ys < y2)  # (N, H*W, M)
    classes = torch.arange(1, truth.labelled.shape[1] + 1, device=device)
    is_class = truth.labels[..., None] == classes  # (N, M, K)
    target = (inside.float() @ is_class.float()) > 0
    ignored = (inside & (truth.labels == IGNORE)[:, None]).any(dim=2, keepdim=True)
    believed = truth.labelled.float().clamp(min=unlabelled_trust)[:, None] * ~ignored
    return target, torch.where(target, 1, believed)


def context_loss(logits: Tensor, truth: GroundTruth, unlabelled_trust: float = 0.0) -> Tensor:
    """Focal loss of a class map (N, K, H, W), per cell that an object covers."""
    height, width = logits.shape[2:]
    target, sureness = context_targets(truth, height, width, unlabelled_trust)
    logits = logits.flatten(2).transpose(1, 2)  # (N, H*W, K)
    each = F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none")
    probability = logits.sigmoid()
    miss = torch.where(target, 1 - probability, probability)
    alpha = torch.where(target, FOCAL_ALPHA, 1 - FOCAL_ALPHA)
    return (each * alpha * miss**FOCAL_GAMMA * sureness).sum() / loss_divisor(target.sum())
