"""Whose maps are the target, and which of them.

Its own file, because recipes of two tasks name a teacher.
"""

from typing import Literal

import msgspec

from models.errors import ConfigError
from models.thundernet.config import ThunderNetConfig
from models.train.training_size import check_training_size

# The last is what the head holds of each RoI; the teacher's map is then read inside the RoIs.
StudentMap = Literal["c4", "c5", "context", "rois"]
BESIDE_LABELS: tuple[StudentMap, ...] = ("context", "rois")


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
    # What it takes: (BGR - mean) / std
    pixel_mean: tuple[float, float, float] = ThunderNetConfig().pixel_mean
    pixel_std: tuple[float, float, float] = ThunderNetConfig().pixel_std

    def __post_init__(self) -> None:
        names = [hint.name for hint in self.hints]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"teacher.hints: expected at least one, none twice, got {names}")


class CachedTeacherConfig(TeacherConfig, frozen=True, kw_only=True):
    """A teacher that looks at numbered views once; its maps are kept."""

    size: int = 320  # pixels; side of the views that it sees

    def __post_init__(self) -> None:
        TeacherConfig.__post_init__(self)
        check_training_size(self.size)
        if any(hint.of == "rois" for hint in self.hints):
            raise ConfigError("teacher.hints: expected c4, c5 or context, without labels, got rois")


class LiveTeacherConfig(TeacherConfig, frozen=True, kw_only=True):
    """A teacher that looks at the very images that a step of the detector trains on."""

    fit_every: int = 250  # iterations; then the adapters are fitted anew
    fit_batches: int = 8  # that they are fitted on

    def __post_init__(self) -> None:
        TeacherConfig.__post_init__(self)
        others = sorted({hint.of for hint in self.hints} - set(BESIDE_LABELS))
        if others:
            raise ConfigError(
                f"teacher.hints: expected hints of {' or '.join(BESIDE_LABELS)}, beside labels, "
                f"got {', '.join(others)}"
            )
        if self.fit_every < 1 or self.fit_batches < 1:
            raise ConfigError(
                "teacher: expected fit_every and fit_batches of at least 1, got "
                f"{self.fit_every} and {self.fit_batches}"
            )
