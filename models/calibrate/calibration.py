"""A temperature and an offset for each class, which make scores mean what they say.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Sec. 4.2: vector scaling with one
temperature. Both are fitted to detections after Soft-NMS and folded into the last layer, so the
exported graph is as fast as before.
Shapes: R RoIs of an image, D detections of all images, K classes.
"""

from typing import NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

OFFSET_WIDTH = 1.0  # of a class's offset, before anything is known of it (logits)
LEAST = 1e-6  # keeps logarithms finite
STEPS = 200
LAST_LAYER = "roi_head.classify"


class Calibration(msgspec.Struct, frozen=True):
    """logits / temperature + offsets; the background has no offset."""

    temperature: float
    offsets: tuple[float, ...]  # (K,)

    def apply(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (R, K), background left out, as the calibrated network gives them."""
        logits = to_logits(scores) / self.temperature
        logits[:, 1:] += self.offsets
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        foreground: NDArray[np.float32] = probabilities[:, 1:].astype(np.float32)
        return foreground


class Evidence(NamedTuple):
    logits: Tensor  # (D, K + 1), background first
    classes: Tensor  # (D,) 0 to K - 1
    decays: Tensor  # (D,) what Soft-NMS has left of the probability
    is_right: Tensor  # (D,)


def to_logits(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits (R, K + 1) up to a constant, of probabilities (R, K) without the background's."""
    wide = scores.astype(np.float64)
    background = 1 - wide.sum(axis=1, keepdims=True)
    every: NDArray[np.float64] = np.concatenate((background, wide), axis=1)
    logits: NDArray[np.float64] = np.log(every.clip(LEAST))
    return logits


def fit(evidence: Evidence) -> Calibration:
    """The most probable calibration: offsets of classes that were seen rarely stay near 0."""
    classes = evidence.logits.shape[1] - 1
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    offsets = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [log_temperature, offsets], max_iter=STEPS, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        scaled = evidence.logits / log_temperature.exp()
        scaled = scaled + torch.cat((torch.zeros(1, dtype=torch.float64), offsets))
        probability = scaled.softmax(dim=1).gather(1, evidence.classes[:, None] + 1).squeeze(1)
        score = (probability * evidence.decays).clamp(LEAST, 1 - LEAST)
        misses = F.binary_cross_entropy(score, evidence.is_right, reduction="sum")
        total = misses + (offsets / OFFSET_WIDTH).square().sum() / 2
        total.backward()
        return total

    optimizer.step(loss)
    return Calibration(float(log_temperature.exp().detach()), tuple(offsets.detach().tolist()))


def fold(weights: dict[str, Tensor], calibration: Calibration) -> dict[str, Tensor]:
    """The same network with calibrated class logits."""
    weight, bias = weights[f"{LAST_LAYER}.weight"], weights[f"{LAST_LAYER}.bias"]
    offsets = torch.tensor((0.0, *calibration.offsets), dtype=bias.dtype)
    return weights | {
        f"{LAST_LAYER}.weight": weight / calibration.temperature,
        f"{LAST_LAYER}.bias": bias / calibration.temperature + offsets,
    }
