"""The training objective: dense outputs and ground truth in, named losses out.

Shapes: N images, L anchors, M padded ground truth boxes, Q RoI candidates, R RoIs drawn.
"""

import msgspec
import torch
from torch import Tensor, nn

from models.thundernet import losses
from models.thundernet.box_coder import ROI_STDS, RPN_STDS, encode
from models.thundernet.config import ConfigError
from models.thundernet.matcher import IGNORE, GroundTruth, match
from models.thundernet.proposals import Proposals, propose
from models.thundernet.roi_head import RoiOutput, deltas_of_class
from models.thundernet.sampler import draw, take
from models.thundernet.thundernet import DenseOutput, ThunderNet


class CriterionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How examples are chosen and losses weighted."""

    anchor_fg_iou: float = 0.7
    anchor_bg_iou: float = 0.3
    # Only a quarter of the objects meets an anchor at IoU 0.7; the best match stands in for the
    # others, down to this IoU.
    anchor_best_iou: float = 0.1
    anchors_per_image: int = 256
    anchor_positive_fraction: float = 0.5
    roi_fg_iou: float = 0.5
    rois_per_image: int = 64
    roi_positive_fraction: float = 0.25
    # Copies of true boxes moved by up to this part of their size: from random weights the RPN
    # yields almost no RoI that covers an object, and the head would see background only.
    jittered_rois: int = 16
    jitter: float = 0.2
    hard_examples: bool = False  # OHEM: the RoIs of highest loss instead of random ones
    pre_nms_top_n: int = 1000
    post_nms_top_n: int = 300
    nms_thresh: float = 0.7
    objectness_weight: float = 1.0
    anchor_box_weight: float = 1.0
    roi_class_weight: float = 1.0
    roi_box_weight: float = 1.0
    context_weight: float = 0.0  # dense class map on F_CEM, in training only; 0 is the paper

    def __post_init__(self) -> None:
        if not 0 <= self.anchor_bg_iou <= self.anchor_fg_iou <= 1:
            raise ConfigError(
                "criterion: expected 0 <= anchor_bg_iou <= anchor_fg_iou <= 1, got "
                f"{self.anchor_bg_iou} and {self.anchor_fg_iou}"
            )
        if self.rois_per_image < 1 or self.anchors_per_image < 2:
            raise ConfigError(
                "criterion: expected rois_per_image >= 1 and anchors_per_image >= 2, got "
                f"{self.rois_per_image} and {self.anchors_per_image}"
            )


def uniform(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Random numbers in [0, 1) on `device`, drawn where the generator lives."""
    return torch.rand(shape, generator=generator, device=generator.device).to(device)


def jitter_boxes(truth: GroundTruth, count: int, reach: float, noise: Tensor) -> Proposals:
    """`count` moved and resized copies of random true boxes; noise (N, count, 5) in [0, 1)."""
    priority = torch.where(truth.labels > 0, 1.0, 0.0)  # (N, M)
    objects = priority.sum(dim=1, keepdim=True)  # (N, 1)
    order = priority.argsort(dim=1, descending=True, stable=True)  # objects first
    pick = (noise[..., 0] * objects).long()  # (N, count)
    boxes = take(truth.boxes, order.gather(1, pick.clamp(max=order.shape[1] - 1)))
    sides = (boxes[..., 2:] - boxes[..., :2]).repeat(1, 1, 2)  # (N, count, 4)
    moved = boxes + (noise[..., 1:] * 2 - 1) * reach * sides
    return Proposals(moved, (objects > 0).expand_as(pick))


class Criterion(nn.Module):
    """Losses of one batch. Holds the training-only class map, which no exported model has."""

    def __init__(self, model: ThunderNet, config: CriterionConfig) -> None:
        super().__init__()
        self.config = config
        self.pool_and_classify = model.classify  # compiled variants may replace it
        self.match = match
        self.context_head: nn.Conv2d | None = None
        if config.context_weight:
            width, classes = model.config.context_channels, model.config.num_classes
            self.context_head = nn.Conv2d(width, classes, 1)
            nn.init.normal_(self.context_head.weight, std=0.01)
            # Every cell starts at 1 % for every class, or the many empty cells drown the objects.
            nn.init.constant_(self.context_head.bias, -4.6)

    def forward(
        self,
        dense: DenseOutput,
        anchors: Tensor,
        size: int,
        truth: GroundTruth,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Weighted losses by name; their sum is the objective."""
        found = self.anchor_losses(dense, anchors, truth, generator)
        found |= self.roi_losses(dense, anchors, size, truth, generator)
        if self.context_head is not None:
            logits = self.context_head(dense.context).float()
            found["context"] = self.config.context_weight * losses.context_loss(logits, truth)
        return found

    def anchor_losses(
        self, dense: DenseOutput, anchors: Tensor, truth: GroundTruth, generator: torch.Generator
    ) -> dict[str, Tensor]:
        c = self.config
        with torch.no_grad():
            matches = self.match(
                anchors[None], truth, c.anchor_fg_iou, c.anchor_bg_iou, c.anchor_best_iou
            )
            keys = uniform(tuple(matches.object_row.shape), generator, anchors.device)
            sample = draw(matches.assignment, keys, c.anchors_per_image, c.anchor_positive_fraction)
            matched = take(truth.boxes, take(matches.object_row, sample.chosen))  # (N, R, 4)
            target = encode(take(anchors[None], sample.chosen), matched, RPN_STDS)
        logits = take(dense.objectness_logits, sample.chosen).float()
        deltas = take(dense.deltas, sample.chosen).float()
        objectness = losses.objectness_loss(logits, sample.positive, sample.valid)
        box = losses.box_loss(deltas, target, sample.positive, sample.valid)
        return {
            "rpn_objectness": c.objectness_weight * objectness,
            "rpn_box": c.anchor_box_weight * box,
        }

    @torch.no_grad()
    def candidates(
        self,
        dense: DenseOutput,
        anchors: Tensor,
        size: int,
        truth: GroundTruth,
        generator: torch.Generator,
    ) -> Proposals:
        """The RPN's proposals, the true boxes and jittered copies of them: (N, Q, 4)."""
        c = self.config
        proposals = propose(
            dense.objectness_logits,
            dense.deltas,
            anchors,
            size,
            c.pre_nms_top_n,
            c.post_nms_top_n,
            c.nms_thresh,
        )
        parts = [proposals, Proposals(truth.boxes, truth.labels > 0)]
        if c.jittered_rois:
            shape = (truth.boxes.shape[0], c.jittered_rois, 5)
            noise = uniform(shape, generator, anchors.device)
            parts.append(jitter_boxes(truth, c.jittered_rois, c.jitter, noise))
        boxes = torch.cat([part.boxes for part in parts], dim=1).clamp(0, size)
        return Proposals(boxes, torch.cat([part.valid for part in parts], dim=1))

    def roi_losses(
        self,
        dense: DenseOutput,
        anchors: Tensor,
        size: int,
        truth: GroundTruth,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        c = self.config
        candidates = self.candidates(dense, anchors, size, truth, generator)
        with torch.no_grad():
            matches = self.match(candidates.boxes, truth, c.roi_fg_iou, c.roi_fg_iou)
            assignment = torch.where(candidates.valid, matches.assignment, IGNORE)
            classes = take(truth.labels, matches.object_row) * (assignment == 1)  # (N, Q)
            matched = take(truth.boxes, matches.object_row)
            if c.hard_examples:
                keys = self.difficulty(dense.features, candidates.boxes, classes, matched, truth)
                sample = draw(torch.where(assignment >= 0, 0, IGNORE), keys, c.rois_per_image, 0)
            else:
                keys = uniform(tuple(assignment.shape), generator, anchors.device)
                sample = draw(assignment, keys, c.rois_per_image, c.roi_positive_fraction)
            rois = take(candidates.boxes, sample.chosen)  # (N, R, 4)
            classes, matched = take(classes, sample.chosen), take(matched, sample.chosen)
        each_class, each_box = self.roi_errors(
            self.pool_and_classify(dense.features, rois), rois, classes, matched, truth
        )
        # Both are divided by the RoIs drawn, so that a batch without objects has no box loss.
        return {
            "roi_class": c.roi_class_weight * losses.weighted_mean(each_class, sample.valid),
            "roi_box": c.roi_box_weight * losses.weighted_mean(each_box, sample.valid),
        }

    @staticmethod
    def roi_errors(
        output: RoiOutput, rois: Tensor, classes: Tensor, matched: Tensor, truth: GroundTruth
    ) -> tuple[Tensor, Tensor]:
        """Class and box loss of every RoI, (N, R) each."""
        each_class = losses.class_losses(output.class_logits.float(), classes, truth.labelled)
        target = encode(rois, matched, ROI_STDS)
        deltas = deltas_of_class(output.deltas, classes).float()
        each_box = (deltas - target).abs().sum(dim=-1) * (classes > 0)
        return each_class, each_box

    def difficulty(
        self, features: Tensor, boxes: Tensor, classes: Tensor, matched: Tensor, truth: GroundTruth
    ) -> Tensor:
        """Loss of every candidate squeezed into [0, 1), the keys of OHEM (Sec. 4.1)."""
        output = self.pool_and_classify(features, boxes)
        each_class, each_box = self.roi_errors(output, boxes, classes, matched, truth)
        loss = each_class + each_box
        return loss / (1 + loss)
