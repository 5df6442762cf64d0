"""Proposals: the RPN's best boxes, decoded, clipped and thinned (Sec. 3.2).

Shapes: N images, L anchors, P proposals per image.
"""

from typing import NamedTuple, Protocol

from torch import Tensor

from models.thundernet.batched_rows import take
from models.thundernet.box_coder import RPN_STDS, clip_to_image, decode
from models.thundernet.input_shape import InputShape
from models.thundernet.nms import suppress


class ProposalConfig(Protocol):
    """How many boxes are proposed; those of training and of the deployed network differ."""

    @property
    def pre_nms_top_n(self) -> int:
        """The best boxes that are suppressed at all."""

    @property
    def post_nms_top_n(self) -> int:
        """Proposals of an image, at most."""

    @property
    def nms_thresh(self) -> float:
        """IoU above which the better of two boxes removes the other."""


class Proposals(NamedTuple):
    boxes: Tensor  # (N, P, 4) xyxy pixels
    valid: Tensor  # (N, P) bool


def propose(
    objectness_logits: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    size: int | InputShape,
    config: ProposalConfig,
) -> Proposals:
    """Proposals of RPN outputs (N, L) and (N, L, 4), anchors (L, 4); carries no gradient.

    Args:
        size: of the network's input, pixels, to which the boxes are clipped.
    """
    logits, deltas = objectness_logits.detach().float(), deltas.detach().float()
    scores, index = logits.topk(min(config.pre_nms_top_n, logits.shape[1]), dim=1)
    boxes = decode(take(anchors[None], index), take(deltas, index), RPN_STDS)
    boxes = clip_to_image(boxes, size)  # (N, pre, 4)
    kept = suppress(boxes, scores, config.post_nms_top_n, config.nms_thresh)
    proposals = take(boxes, kept.chosen)  # (N, P, 4)
    has_area = (proposals[..., 2:] - proposals[..., :2] >= 1).all(dim=-1)
    return Proposals(proposals, kept.valid & has_area)
