"""Does the exported graph compute what the trained network computes?

RoIs are compared as sets: objectness of two boxes can differ by less than rounding, and then NMS
keeps another one. Everything else is compared on the RoIs that the graph chose.
"""

from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]  # no stubs are published
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.thundernet import make_graph
from models.thundernet.box_coder import ROI_STDS, clip_to_image, decode
from models.thundernet.proposals import propose
from models.thundernet.thundernet import DenseOutput, ThunderNet

# Of 320 pixels and of probability 1: float32 rounding through 60 layers stays a tenth of these.
BOX_TOLERANCE_PX = 0.02
SCORE_TOLERANCE = 1e-4
SHARED_ROIS = 0.97  # part of the RoIs that both must have chosen


class ParityError(RuntimeError):
    """An exported graph that does not compute what its checkpoint does."""


class Parity(NamedTuple):
    """Largest differences over all probe frames."""

    box_px: float
    score: float
    shared_rois: float  # the smallest part

    def __str__(self) -> str:
        return (
            f"boxes within {self.box_px:.1e} px, scores within {self.score:.1e}, "
            f"{100 * self.shared_rois:.1f} % of RoIs the same"
        )


def make_probes(size: int, count: int = 3, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Frames (S, S, 3) of soft blotches, hard rectangles and noise: bright borders included."""
    rng = np.random.default_rng(seed)
    probes = []
    for _ in range(count):
        blotches = rng.integers(0, 256, (8, 8, 3), np.uint8)
        frame = cv2.resize(blotches, (size, size), interpolation=cv2.INTER_CUBIC)
        for x, y, width, height in rng.integers(0, size, (12, 4)):
            frame[y : y + height // 3, x : x + width // 3] = rng.integers(0, 256, 3)
        noise = rng.integers(-12, 13, frame.shape)
        probes.append((frame + noise).clip(0, 255).astype(np.uint8))
    return probes


def measure_parity(model: ThunderNet, frames: list[NDArray[np.uint8]]) -> Parity:
    """Differences between the graph of `model` and `model` itself on the frames."""
    graph = make_graph(model, metadata={}, expose_rois=True)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = []
    for frame in frames:
        outputs = session.run(["boxes", "scores", "rois"], {"frame": frame})
        boxes, scores, rois = (torch.from_numpy(output) for output in outputs)
        expected_boxes, expected_scores, dense = run_trained(model, frame, rois)
        box_px = (boxes - expected_boxes).abs().max()
        score = (scores - expected_scores).abs().max()
        found.append((box_px, score, -shared_part(rois, trained_rois(model, dense))))
    # torch's maximum keeps NaN, unlike Python's.
    box_px, score, unshared = torch.tensor(found).amax(dim=0).tolist()
    return Parity(box_px, score, -unshared)


def check_parity(parity: Parity) -> None:
    """Raises ParityError for a graph that should not be shipped."""
    # Negated, so that NaN fails.
    if not (
        parity.box_px <= BOX_TOLERANCE_PX
        and parity.score <= SCORE_TOLERANCE
        and parity.shared_rois >= SHARED_ROIS
    ):
        raise ParityError(
            f"exported graph: expected boxes within {BOX_TOLERANCE_PX} px, scores within "
            f"{SCORE_TOLERANCE} and {100 * SHARED_ROIS:.0f} % of RoIs the same, got {parity}"
        )


@torch.no_grad()
def run_trained(
    model: ThunderNet, frame: NDArray[np.uint8], rois: Tensor
) -> tuple[Tensor, Tensor, DenseOutput]:
    """Boxes (R, 4), scores (R, K) of given RoIs, and the dense outputs, from the network."""
    size = model.config.input_size
    image = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    dense = model(model.normalize(image))
    output = model.classify(dense.features, rois[None])
    boxes = clip_to_image(decode(rois, output.deltas[0], ROI_STDS), size)
    has_area = (rois[:, 2:] - rois[:, :2] >= 1).all(dim=1, keepdim=True)
    return boxes, output.class_logits[0].softmax(dim=1)[:, 1:] * has_area, dense


def trained_rois(model: ThunderNet, dense: DenseOutput) -> Tensor:
    """The proposals (R, 4) that the network would choose, tiny ones included."""
    config = model.config
    proposals = propose(
        dense.objectness_logits,
        dense.deltas,
        model.anchors(config.input_size),
        config.input_size,
        config.pre_nms_top_n,
        config.post_nms_top_n,
        config.nms_thresh,
    )
    return proposals.boxes[0][proposals.valid[0]]


def shared_part(found: Tensor, expected: Tensor) -> float:
    """Part of the expected RoIs that are among the found ones."""
    distance = (expected[:, None] - found[None]).abs().amax(dim=2)  # (R', R)
    return (distance.amin(dim=1) <= BOX_TOLERANCE_PX).float().mean().item()
