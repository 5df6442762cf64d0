"""One row of a table of the paper: a network as configuration, and the figures printed for it."""

from pathlib import Path
from typing import Literal

import msgspec

from models.complexity.label_sets import LABEL_SETS
from models.errors import ConfigError
from models.thundernet.classifier import ClassifierConfig
from models.thundernet.config import LABELS, ThunderNetConfig


class Printed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the paper prints: operations in millions of multiply-accumulates, and accuracy."""

    mflops: float
    parts: dict[Literal["backbone", "rpn", "head"], float] = {}  # Table 8 alone
    top1_error: float | None = None  # percent, ImageNet
    ap: float | None = None  # COCO test-dev; VOC 2007 test for Table 2
    ap50: float | None = None
    ap75: float | None = None

    def __post_init__(self) -> None:
        least = min((self.mflops, *self.parts.values()))
        if least <= 0:
            raise ConfigError(f"mflops and parts: expected above 0, got {least}")


class PaperRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A detector or a classifier, never both."""

    printed: Printed
    note: str = ""  # what the paper leaves open in this row
    detector: ThunderNetConfig | None = None
    labels: Literal["voc", "coco"] = "coco"  # of the detector, whose own are left out
    classifier: ClassifierConfig | None = None

    def __post_init__(self) -> None:
        if (self.detector is None) == (self.classifier is None):
            got = "neither" if self.detector is None else "both"
            raise ConfigError(f"expected either detector or classifier, got {got}")
        if self.detector is not None and self.detector.labels != LABELS:
            raise ConfigError("detector.labels: expected none beside labels of the row, got some")
        if self.printed.parts and self.detector is None:
            raise ConfigError("printed.parts: expected none for a classifier, got some")

    def detector_config(self) -> ThunderNetConfig | None:
        """The detector with the classes of its data set."""
        if self.detector is None:
            return None
        return msgspec.structs.replace(self.detector, labels=LABEL_SETS[self.labels])


def load_row(path: Path) -> PaperRow:
    """The row in a YAML file; whatever is wrong with it is said with its place."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=PaperRow)
    except OSError as error:
        raise ConfigError(f"{path}: expected a readable file: {error.strerror}") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
