"""Does the exported graph compute what the trained network computes?

RoIs are compared as sets: objectness of two boxes can differ by less than rounding, and then NMS
keeps another one. Everything else is compared on the RoIs that the graph chose, and so are pairs of
RoI and class: that they are the best ones shows in their scores.

Shapes: R RoIs, K classes, P pairs, rows R or P.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.channels import DEFAULT_BLOCK
from models.export.thundernet import make_graph
from models.thundernet.box_coder import clip_to_image
from models.thundernet.input_shape import InputShape
from models.thundernet.proposals import propose
from models.thundernet.roi_head import decode_rois
from models.thundernet.thundernet import DenseOutput, ThunderNet
from stages.model.runtime import ort

# Of 320 pixels and of probability 1: float32 rounding through 60 layers stays a tenth of these.
BOX_TOLERANCE_PX = 0.02
SCORE_TOLERANCE = 1e-4
SHARED_ROIS = 0.97  # part of the RoIs that both must have chosen


class Answer(NamedTuple):
    boxes: Tensor  # (R, 4), (R, K, 4) or (P, 4)
    scores: Tensor  # (rows, K)
    missed: Tensor  # (); score by which other pairs would have been better


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


def make_probes(size: int | InputShape, count: int = 3, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Frames (H, W, 3) of soft blotches, hard rectangles and noise: bright borders included."""
    shape = InputShape.square(size) if isinstance(size, int) else size
    rng = np.random.default_rng(seed)
    probes = []
    for _ in range(count):
        blotches = rng.integers(0, 256, (8, 8, 3), np.uint8)
        frame = cv2.resize(blotches, shape.wh, interpolation=cv2.INTER_CUBIC)
        for x, y, width, height in rng.integers(0, max(shape), (12, 4)):
            frame[y : y + height // 3, x : x + width // 3] = rng.integers(0, 256, 3)
        noise = rng.integers(-12, 13, frame.shape)
        probes.append((frame + noise).clip(0, 255).astype(np.uint8))
    return probes


def shape_of(frame: NDArray[np.uint8]) -> InputShape:
    return InputShape(*frame.shape[:2])


def measure_parity(
    model: ThunderNet, frames: list[NDArray[np.uint8]], block: int = DEFAULT_BLOCK
) -> Parity:
    """Differences between the graph of `model` and `model` itself on the frames."""
    shape = shape_of(frames[0])
    graph = make_graph(model, metadata={}, expose_rois=True, block=block, shape=shape)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = []
    for frame in frames:
        outputs = session.run(names, {"frame": frame})
        got = {name: torch.from_numpy(value) for name, value in zip(names, outputs, strict=True)}
        expected, dense = run_trained(model, frame, got["rois"])
        if "pairs" in got:
            expected = take_pairs(expected, got["pairs"])
        box_px = (got["boxes"] - expected.boxes).abs().max()
        score = (got["scores"] - expected.scores).abs().max()
        shared = shared_part(got["rois"], trained_rois(model, dense, shape))
        found.append((box_px, torch.maximum(score, expected.missed), -shared))
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
) -> tuple[Answer, DenseOutput]:
    """What the network itself computes for given RoIs (R, 4), and its dense outputs."""
    image = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    dense = model(model.normalize(image))
    output = model.classify(dense.features, rois[None])
    boxes = clip_to_image(decode_rois(rois, output.deltas[0]), shape_of(frame))
    has_area = (rois[:, 2:] - rois[:, :2] >= 1).all(dim=1, keepdim=True)
    scores = output.class_logits[0].softmax(dim=1)[:, 1:] * has_area
    return Answer(boxes, scores, torch.tensor(0.0)), dense


def take_pairs(every: Answer, pairs: Tensor) -> Answer:
    """The rows of the given pairs (P,) of RoI and class, out of those of every RoI."""
    classes = every.scores.shape[1]
    boxes = every.boxes.flatten(0, 1)[pairs]  # (P, 4)
    best = every.scores.flatten()[pairs]  # (P,)
    scores = torch.zeros(len(pairs), classes)
    scores[torch.arange(len(pairs)), pairs % classes] = best
    # The places of a tie may be swapped, its scores not.
    wanted = every.scores.flatten().topk(len(pairs)).values
    return Answer(boxes, scores, (wanted - best).abs().max())


def trained_rois(model: ThunderNet, dense: DenseOutput, shape: InputShape) -> Tensor:
    """The proposals (R, 4) that the network would choose, tiny ones included."""
    anchors = model.anchors(shape)
    proposals = propose(dense.objectness_logits, dense.deltas, anchors, shape, model.config)
    return proposals.boxes[0][proposals.valid[0]]


def shared_part(found: Tensor, expected: Tensor) -> float:
    """Part of the expected RoIs that are among the found ones."""
    distance = (expected[:, None] - found[None]).abs().amax(dim=2)  # (R', R)
    return (distance.amin(dim=1) <= BOX_TOLERANCE_PX).float().mean().item()
