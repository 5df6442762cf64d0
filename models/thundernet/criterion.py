"""The training objective: dense outputs and ground truth in, named losses out.

Shapes: N images, L anchors, M padded ground truth boxes, Q RoI candidates, R RoIs drawn.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.thundernet import losses
from models.thundernet.batched_rows import take
from models.thundernet.box_coder import ROI_STDS, RPN_STDS, encode
from models.thundernet.ground_truth import IGNORE, GroundTruth
from models.thundernet.jitter import jitter_boxes
from models.thundernet.layers import convolve
from models.thundernet.matcher import Matches, match, object_rows
from models.thundernet.proposals import Proposals, propose
from models.thundernet.random_numbers import uniform
from models.thundernet.roi_head import RoiOutput, deltas_of_class
from models.thundernet.sampler import Sample, draw
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
    # How far an image is believed to show no unmarked object of a class that it was not annotated
    # for, 0 to 1. More than 0 is for data in which a machine annotated those.
    unlabelled_trust: float = 0.0
    label_smoothing: float = 0.0  # part of a RoI's target that all classes share
    roi_focal_gamma: float = 0.0  # RoIs that are told right count less; 0 is the paper
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
        if not 0 <= self.unlabelled_trust <= 1:
            raise ConfigError(
                f"criterion.unlabelled_trust: expected 0 to 1, got {self.unlabelled_trust}"
            )
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(
                f"criterion.label_smoothing: expected 0 to less than 1, got {self.label_smoothing}"
            )
        # Between them the loss of a RoI that is told right has no gradient that ends.
        if self.roi_focal_gamma and self.roi_focal_gamma < 1:
            raise ConfigError(
                f"criterion.roi_focal_gamma: expected 0, or 1 and more, got {self.roi_focal_gamma}"
            )


class TrainingBatch(NamedTuple):
    """What a batch is taught from: the network's dense outputs, and what it should have said."""

    dense: DenseOutput
    anchors: Tensor  # (L, 4)
    size: int  # pixels
    truth: GroundTruth
    generator: torch.Generator

    def random(self, *shape: int) -> Tensor:
        return uniform(shape, self.generator, self.anchors.device)


class AnchorTargets(NamedTuple):
    sample: Sample
    deltas: Tensor  # (N, R, 4), of the objects


class RoiTargets(NamedTuple):
    boxes: Tensor  # (N, R, 4) xyxy pixels
    classes: Tensor  # (N, R), 0 is background
    matched: Tensor  # (N, R, 4), where the object is
    valid: Tensor  # (N, R) bool


class Judgement(NamedTuple):
    losses: dict[str, Tensor]  # weighted; their sum is the objective
    rois: RoiTargets  # that were drawn
    output: RoiOutput  # what the head said of them


class Criterion(nn.Module):
    """Losses of one batch. Holds the training-only class map, which no exported model has."""

    OUTPUTS = ("context_head",)

    def __init__(self, model: ThunderNet, config: CriterionConfig) -> None:
        super().__init__()
        self.config = config
        # Compiled variants may replace these two.
        self.pool_and_classify: Callable[[Tensor, Tensor], RoiOutput] = model.classify
        self.match: Callable[..., Matches] = match
        self.context_head: nn.Conv2d | None = None
        if config.context_weight:
            width, classes = model.config.context_channels, model.config.num_classes
            self.context_head = nn.Conv2d(width, classes, 1)
            nn.init.normal_(self.context_head.weight, std=0.01)
            # Every cell starts at 1 % for every class, or the many empty cells drown the objects.
            assert self.context_head.bias is not None
            nn.init.constant_(self.context_head.bias, -4.6)

    def forward(
        self,
        dense: DenseOutput,
        anchors: Tensor,
        size: int,
        truth: GroundTruth,
        generator: torch.Generator,
    ) -> Judgement:
        batch = TrainingBatch(dense, anchors, size, truth, generator)
        found = self.anchor_losses(dense, self.choose_anchors(batch))
        rois = self.choose_rois(batch, self.candidates(batch))
        output = self.pool_and_classify(dense.features, rois.boxes)
        found |= self.roi_losses(output, rois, truth)
        return Judgement(found | self.context_losses(dense, truth), rois, output)

    @torch.no_grad()
    def choose_anchors(self, batch: TrainingBatch) -> AnchorTargets:
        c, truth, anchors = self.config, batch.truth, batch.anchors[None]
        matches = self.match(anchors, truth, c.anchor_fg_iou, c.anchor_bg_iou, c.anchor_best_iou)
        keys = batch.random(*matches.assignment.shape)
        sample = draw(matches.assignment, keys, c.anchors_per_image, c.anchor_positive_fraction)
        chosen = take(anchors, sample.chosen)  # (N, R, 4)
        matched = take(truth.boxes, object_rows(chosen, truth, matches.best_from))
        return AnchorTargets(sample, encode(chosen, matched, RPN_STDS))

    def anchor_losses(self, dense: DenseOutput, targets: AnchorTargets) -> dict[str, Tensor]:
        c, sample = self.config, targets.sample
        logits = take(dense.objectness_logits, sample.chosen).float()
        deltas = take(dense.deltas, sample.chosen).float()
        objectness = losses.objectness_loss(logits, sample.positive, sample.valid)
        box = losses.box_loss(deltas, targets.deltas, sample.positive, sample.valid)
        return {
            "rpn_objectness": c.objectness_weight * objectness,
            "rpn_box": c.anchor_box_weight * box,
        }

    @torch.no_grad()
    def candidates(self, batch: TrainingBatch) -> Proposals:
        """The RPN's proposals, the true boxes and jittered copies of them: (N, Q, 4)."""
        c, truth, dense = self.config, batch.truth, batch.dense
        proposals = propose(dense.objectness_logits, dense.deltas, batch.anchors, batch.size, c)
        parts = [proposals, Proposals(truth.boxes, truth.labels > 0)]
        if c.jittered_rois:
            noise = batch.random(truth.boxes.shape[0], c.jittered_rois, 5)
            parts.append(jitter_boxes(truth, c.jittered_rois, c.jitter, noise))
        boxes = torch.cat([part.boxes for part in parts], dim=1).clamp(0, batch.size)
        return Proposals(boxes, torch.cat([part.valid for part in parts], dim=1))

    @torch.no_grad()
    def choose_rois(self, batch: TrainingBatch, candidates: Proposals) -> RoiTargets:
        c, truth, boxes = self.config, batch.truth, candidates.boxes
        matches = self.match(boxes, truth, c.roi_fg_iou, c.roi_fg_iou)
        assignment = torch.where(candidates.valid, matches.assignment, IGNORE)
        rows = object_rows(boxes, truth, matches.best_from)
        classes = take(truth.labels, rows) * (assignment == 1)  # (N, Q)
        every = RoiTargets(boxes, classes, take(truth.boxes, rows), assignment >= 0)
        if c.hard_examples:
            keys = self.difficulty(batch.dense.features, every, truth)
            sample = draw(torch.where(every.valid, 0, IGNORE), keys, c.rois_per_image, 0)
        else:
            keys = batch.random(*assignment.shape)
            sample = draw(assignment, keys, c.rois_per_image, c.roi_positive_fraction)
        boxes, classes, matched = (take(values, sample.chosen) for values in every[:3])
        return RoiTargets(boxes, classes, matched, sample.valid)

    def context_losses(self, dense: DenseOutput, truth: GroundTruth) -> dict[str, Tensor]:
        """That of the class map, where there is one."""
        if self.context_head is None:
            return {}
        c = self.config
        logits = convolve(self.context_head, dense.context).float()
        loss = losses.context_loss(logits, truth, c.unlabelled_trust)
        return {"context": c.context_weight * loss}

    def roi_losses(
        self, output: RoiOutput, rois: RoiTargets, truth: GroundTruth
    ) -> dict[str, Tensor]:
        c = self.config
        each_class = self.class_errors(output, rois, truth.labelled)
        each_box = self.box_errors(output, rois)
        # Both are divided by the RoIs drawn, so that a batch without objects has no box loss.
        return {
            "roi_class": c.roi_class_weight * losses.weighted_mean(each_class, rois.valid),
            "roi_box": c.roi_box_weight * losses.weighted_mean(each_box, rois.valid),
        }

    def class_errors(self, output: RoiOutput, rois: RoiTargets, labelled: Tensor) -> Tensor:
        """Class loss of every RoI, (N, R); labelled (N, K) as in the truth."""
        c, logits = self.config, output.class_logits.float()
        softening = losses.Softening(c.label_smoothing, c.roi_focal_gamma)
        return losses.class_losses(logits, rois.classes, labelled, c.unlabelled_trust, softening)

    @staticmethod
    def box_errors(output: RoiOutput, rois: RoiTargets) -> Tensor:
        """Box loss of every RoI, (N, R)."""
        target = encode(rois.boxes, rois.matched, ROI_STDS)
        deltas = deltas_of_class(output.deltas, rois.classes).float()
        return (deltas - target).abs().sum(dim=-1) * (rois.classes > 0)

    def difficulty(self, features: Tensor, rois: RoiTargets, truth: GroundTruth) -> Tensor:
        """Loss of every candidate squeezed into [0, 1), the keys of OHEM (Sec. 4.1)."""
        output = self.pool_and_classify(features, rois.boxes)
        loss = self.class_errors(output, rois, truth.labelled) + self.box_errors(output, rois)
        return loss / (1 + loss)
