"""A run that learns a teacher's feature maps, before or instead of learning from labels.

Romero et al., *FitNets: hints for thin deep nets*, ICLR 2015, arXiv:1412.6550.
"""

from typing import Literal

import msgspec

from models.errors import ConfigError
from models.thundernet.config import ThunderNetConfig
from models.train.recipe import DetectorRecipe, check_training_size

StudentMap = Literal["c4", "c5", "context"]


class Hint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A map of the teacher, and which map of the student a linear layer is to make it from."""

    of: StudentMap
    tensor: str  # its name in the ONNX graph, or ncnn's blob
    channels: int
    weight: float = 1.0  # of its loss

    def __post_init__(self) -> None:
        if self.channels < 1 or not self.weight > 0:
            raise ConfigError(
                f"hint {self.tensor}: expected channels >= 1 and weight > 0, got "
                f"{self.channels} and {self.weight}"
            )

    @property
    def name(self) -> str:
        return f"{self.of}-{self.tensor}"


class TeacherConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that somebody else trained, whose maps are the target."""

    file: str  # an .onnx, or ncnn's .param, whose .bin lies beside it
    hints: tuple[Hint, ...]
    size: int = 320  # pixels; side of the views that it sees
    # What it takes: (BGR - mean) / std
    pixel_mean: tuple[float, float, float] = ThunderNetConfig().pixel_mean
    pixel_std: tuple[float, float, float] = ThunderNetConfig().pixel_std

    def __post_init__(self) -> None:
        check_training_size(self.size)
        names = [hint.name for hint in self.hints]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"teacher.hints: expected at least one, none twice, got {names}")


class HintsRecipe(DetectorRecipe, frozen=True, kw_only=True):
    """A run that trains backbone and context map; the other weights stay as they are."""

    task: Literal["hints"]
    teacher: TeacherConfig
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
