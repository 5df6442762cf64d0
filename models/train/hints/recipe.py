"""A run that learns a teacher's feature maps, before or instead of learning from labels.

Romero et al., *FitNets: hints for thin deep nets*, ICLR 2015, arXiv:1412.6550.
"""

from typing import Literal

from models.errors import ConfigError
from models.train.hints.teacher_config import CachedTeacherConfig
from models.train.recipe import DetectorRecipe
from models.train.training_size import check_training_size


class HintsRecipe(DetectorRecipe, frozen=True, kw_only=True):
    """A run that trains backbone and context map; the other weights stay as they are."""

    task: Literal["hints"]
    teacher: CachedTeacherConfig
    views: int  # windows of images that the teacher looks at once; the student again and again
    held_out_views: int = 512  # whole images of the validation split, at most
    size: int = 320  # pixels; side of the views that the student sees
    fit_every: int = 250  # iterations; then the adapters are fitted anew
    fit_views: int = 1024  # that they are fitted on, at most

    def __post_init__(self) -> None:
        DetectorRecipe.__post_init__(self)
        check_training_size(self.size)
        if self.fit_every < 1:
            raise ConfigError(f"fit_every: expected at least 1, got {self.fit_every}")
        for name in ("views", "held_out_views", "fit_views"):
            if getattr(self, name) < self.batch_size:
                raise ConfigError(
                    f"{name}: expected at least a batch of {self.batch_size}, "
                    f"got {getattr(self, name)}"
                )
