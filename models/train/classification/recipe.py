"""A run that trains a backbone as an ImageNet classifier (Sec. 4.4.2, Table 5)."""

from typing import Literal

import msgspec

from models.errors import ConfigError
from models.thundernet.classifier import ClassifierConfig
from models.train.recipe import RunRecipe


class CropConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Random crops and colours; the defaults are ShuffleNetV2's, which trained SNet's authors."""

    area: tuple[float, float] = (0.08, 1.0)  # of the image
    aspect: tuple[float, float] = (0.75, 4 / 3)  # width / height
    flip: float = 0.5  # probability
    jitter: float = 0.4  # brightness, contrast and saturation change by up to this part

    def __post_init__(self) -> None:
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise ConfigError(f"augment.area: expected 0 < low <= high <= 1, got {list(self.area)}")
        if not 0 < self.aspect[0] <= self.aspect[1]:
            raise ConfigError(f"augment.aspect: expected 0 < low <= high, got {list(self.aspect)}")
        for name, value in (("flip", self.flip), ("jitter", self.jitter)):
            if not 0 <= value <= 1:
                raise ConfigError(f"augment.{name}: expected 0 to 1, got {value}")


class FolderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An ImageNet-style directory, and how its images are read."""

    folder: str  # holds train/<class>/ and val/<class>/
    workers: int = 8  # decoding threads; as many as there are cores for them
    ahead: int = 3  # batches that are read before they are asked for
    # Decodes every image once, into one file here; None: anew for every crop.
    cache: str | None = None
    cache_size: int = 160  # pixels; side of the images in the cache
    centre: float = 0.875  # part of the shorter side that validation crops: 224 of 256

    def __post_init__(self) -> None:
        for name in ("workers", "ahead", "cache_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"data.{name}: expected at least 1, got {getattr(self, name)}")
        if not 0 < self.centre <= 1:
            raise ConfigError(f"data.centre: expected above 0 to 1, got {self.centre}")


class ClassificationRecipe(RunRecipe, frozen=True, kw_only=True):
    task: Literal["classification"]
    model: ClassifierConfig
    data: FolderConfig
    augment: CropConfig = CropConfig()
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        RunRecipe.__post_init__(self)
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(
                f"label_smoothing: expected 0 up to below 1, got {self.label_smoothing}"
            )
