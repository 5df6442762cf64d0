"""Proposals: the RPN's best boxes, decoded, clipped and thinned (Sec. 3.2).

Shapes: N images, L anchors, P proposals per image.
"""

from typing import NamedTuple

from torch import Tensor

from models.thundernet.box_coder import RPN_STDS, clip_to_image, decode
from models.thundernet.nms import suppress
from models.thundernet.sampler import take


class Proposals(NamedTuple):
    boxes: Tensor  # (N, P, 4) xyxy pixels
    valid: Tensor  # (N, P) bool


def propose(
    objectness_logits: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    size: int,
    pre_nms_top_n: int,
    post_nms_top_n: int,
    nms_thresh: float,
) -> Proposals:
    """Proposals of RPN outputs (N, L) and (N, L, 4); carries no gradient."""
    logits, deltas = objectness_logits.detach().float(), deltas.detach().float()
    scores, index = logits.topk(min(pre_nms_top_n, logits.shape[1]), dim=1)
    boxes = decode(take(anchors[None], index), take(deltas, index), RPN_STDS)
    boxes = clip_to_image(boxes, size)  # (N, pre, 4)
    kept = suppress(boxes, scores, post_nms_top_n, nms_thresh)
    proposals = take(boxes, kept.chosen)  # (N, P, 4)
    has_area = (proposals[..., 2:] - proposals[..., :2] >= 1).all(dim=-1)
    return Proposals(proposals, kept.valid & has_area)
