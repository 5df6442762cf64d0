"""Hints beside labels: a teacher looks at the images of the detector's own step.

Shapes: N images, S pixels per side; map k of the teacher (N, C_k, h_k, w_k).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from models.train.hints.channels import CLIP, mean_and_deviation
from models.train.hints.criterion import HintCriterion, StudentMaps
from models.train.hints.regions import Regions
from models.train.hints.teacher import Onlooker
from models.train.hints.teacher_config import LiveTeacherConfig, StudentMap


class Held(NamedTuple):
    """What a detector holds of a batch, in the two places that hints are given for."""

    context: Tensor  # (N, F, h, w)
    regions: Regions

    def maps(self) -> StudentMaps:
        return {"context": self.context, "rois": self.regions.of_student()}


class LiveHints(nn.Module):
    """What a detector in training owes its teacher.

    The state has adapters and what is known of the teacher's channels, not the teacher.
    """

    def __init__(
        self, config: LiveTeacherConfig, widths: Mapping[StudentMap, int], threads: int
    ) -> None:
        super().__init__()
        self.config = config
        self.onlooker = Onlooker(config, threads)
        self.criterion = HintCriterion(config.hints, widths)
        for number, hint in enumerate(config.hints):
            self.register_buffer(f"mean_{number}", torch.zeros(hint.channels))
            self.register_buffer(f"std_{number}", torch.zeros(hint.channels))

    def look(self, images: Tensor) -> list[Tensor]:
        """The teacher's maps of images (N, 3, S, S) BGR 0 to 255, in its own units."""
        by_image = self.onlooker.maps(images.cpu())
        stacked = (np.stack(maps) for maps in zip(*by_image, strict=True))
        return [torch.from_numpy(maps).to(images.device) for maps in stacked]

    def channels(self, number: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of those of map `number`, (1, C, 1, 1) each."""
        mean, std = self.get_buffer(f"mean_{number}"), self.get_buffer(f"std_{number}")
        return mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)

    def standardise(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Distances from a channel's mean in standard deviations, as in the cache of views."""
        known = [self.channels(number) for number in range(len(maps))]
        pairs = zip(maps, known, strict=True)
        return [((each - mean) / std).clamp(-CLIP, CLIP) for each, (mean, std) in pairs]

    def describe(self, looks: Sequence[Sequence[Tensor]]) -> None:
        """Learns mean and deviation of the channels from the maps of some batches; once."""
        for number, maps in enumerate(zip(*looks, strict=True)):
            values = torch.cat([each.transpose(0, 1).flatten(1) for each in maps], dim=1)
            mean, std = mean_and_deviation(values.cpu().numpy())
            self.get_buffer(f"mean_{number}").copy_(torch.from_numpy(mean))
            self.get_buffer(f"std_{number}").copy_(torch.from_numpy(std))

    @property
    def is_described(self) -> bool:
        return bool(self.get_buffer("std_0").any())

    def targets(self, maps: Sequence[Tensor], regions: Regions) -> list[Tensor]:
        """Standardised maps, where they are hints for RoIs read inside these."""
        return [
            regions.of_teacher(each) if hint.of == "rois" else each
            for hint, each in zip(self.config.hints, maps, strict=True)
        ]

    def fit(self, held: Sequence[Held], looks: Sequence[Sequence[Tensor]]) -> list[float]:
        """Fits the adapters; the part of the variance that each explains."""
        if not self.is_described:
            self.describe(looks)
        pairs = zip(held, looks, strict=True)
        return self.criterion.fit_adapters(
            (each.maps(), self.targets(self.standardise(maps), each.regions))
            for each, maps in pairs
        )

    def forward(self, held: Held, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """Weighted losses by hint, for standardised maps."""
        targets = self.targets(maps, held.regions)
        return self.criterion(held.maps(), targets)  # type: ignore[no-any-return]
