"""A training run as data: everything that decides its outcome, read from one YAML file."""

import os
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from models.data.augment import AugmentConfig, check_part, check_zoom
from models.data.scene import SceneConfig
from models.data.split import CocoSplit, VocSplit
from models.errors import ConfigError
from models.thundernet.config import ThunderNetConfig
from models.thundernet.criterion import CriterionConfig
from models.train.distillation import DistillationConfig
from models.train.hints.teacher_config import LiveTeacherConfig
from models.train.initial_weights import Part
from models.train.training_size import check_training_size

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED_VARIABLE = "THUNDERLINE_SHARED"

Decoded = TypeVar("Decoded")


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where images come from and how often each is drawn."""

    train: tuple[VocSplit | CocoSplit, ...] = ()  # all of these, with `val`, instead of street11
    val: VocSplit | CocoSplit | None = None
    folder: str | None = None  # of street11; None: data/street11 in the shared folder
    train_splits: tuple[str, ...] = ("train",)  # of street11; all are drawn from
    val_split: str = "val"
    cache: str = "runs/cache"  # decoded images; relative to the working directory
    image_size: int = 320  # pixels; side of the decoded images
    preload: bool = True  # hold decoded images in memory: 4 GB for street11 at 320
    source_weights: dict[str, float] = {}
    rare_below: float = 0.1  # classes in fewer images than this part are drawn more often
    scene: SceneConfig = SceneConfig()

    def __post_init__(self) -> None:
        if bool(self.train) != (self.val is not None):
            raise ConfigError("data: expected both of train and val, or none of them")
        if not self.train_splits:
            raise ConfigError("data.train_splits: expected at least one split, got none")


class OptimizerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Literal["adamw", "muon", "sgd"] = "adamw"
    lr: float = 2e-3
    weight_decay: float = 0.05  # on convolution and linear weights; SGD wants 1e-4
    momentum: float = 0.9  # SGD only
    clip_norm: float | None = 10.0  # None: gradients are taken as they are


class ScheduleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Learning rate over the run; every position but the warm-up is a part of the whole."""

    kind: Literal["cosine", "step", "trapezoid", "linear"] = "cosine"
    warmup: int = 300  # iterations
    final: float = 0.01  # of the peak rate; all kinds but step
    decay_from: float = 0.55  # trapezoid: constant up to here, then half a cosine
    milestones: tuple[float, ...] = (0.5, 0.75)  # step: a tenth after each


class SizePhase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What images are like up to a part of the run."""

    size: int  # pixels
    until: float  # part of the whole run
    zoom: tuple[float, float] | None = None  # instead of `augment.zoom`
    mosaic: float | None = None  # instead of `augment.mosaic`

    def __post_init__(self) -> None:
        check_training_size(self.size)
        if self.zoom is not None:
            check_zoom("sizes.zoom", self.zoom)
        if self.mosaic is not None:
            check_part("sizes.mosaic", self.mosaic)


class RunRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What runs of every task have. `iterations` may change on resume; docs/training.md says what
    else may.
    """

    iterations: int
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    batch_size: int = 32  # of all processes together
    ema_decay: float = 0.998
    seed: int = 0
    device: str = "cpu"
    threads: int = 2  # CPU results repeat bit by bit only with the same number
    autocast: bool = False  # bfloat16 in convolutions and matrix products
    matrix_unit: bool = False  # 1x1 convolutions on AMX, where the processor has it (pointwise.c)
    log_every: int = 20  # iterations
    validate_every: int = 1000  # iterations
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.batch_size < 1:
            raise ConfigError(
                "expected iterations >= 1 and batch_size >= 1, got "
                f"{self.iterations} and {self.batch_size}"
            )
        if self.seed < 0:
            raise ConfigError(f"seed: expected at least 0, got {self.seed}")


class DetectorRecipe(RunRecipe, frozen=True, kw_only=True):
    """What runs have that train a detector or a part of it."""

    model: ThunderNetConfig = ThunderNetConfig()
    augment: AugmentConfig = AugmentConfig()
    data: DataConfig = DataConfig()
    initial_weights: str | None = None  # checkpoint whose averaged weights the run starts with
    initial_part: Part = "backbone"  # how much of them
    max_boxes: int | None = None  # fixed padding for GPUs; None pads to the batch


class Recipe(DetectorRecipe, frozen=True, kw_only=True):
    """A run that trains the detector."""

    task: Literal["detection"] = "detection"
    criterion: CriterionConfig = CriterionConfig()
    frozen_until: float = 0.0  # part of the run in which the backbone stays as it is
    teacher: LiveTeacherConfig | None = None  # whose maps the context is to hold, beside the labels
    distillation: DistillationConfig | None = None  # whose classes the head is to give, beside them
    sizes: tuple[SizePhase, ...] = (SizePhase(size=320, until=1.0),)
    multi_scale: tuple[int, ...] = ()  # a random one per iteration, instead of the sizes' pixels
    compile: Literal["no", "match", "all"] = "no"

    def __post_init__(self) -> None:
        DetectorRecipe.__post_init__(self)
        ends = [phase.until for phase in self.sizes]
        if not ends or ends != sorted(ends) or ends[-1] != 1.0:
            raise ConfigError(f"sizes: expected rising `until` that ends at 1.0, got {ends}")
        for size in self.multi_scale:
            check_training_size(size)
        check_part("frozen_until", self.frozen_until)


def decode_recipe(path: Path, kind: type[Decoded]) -> Decoded:
    """The recipe in a YAML file; a key that does not exist is refused with its place."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ConfigError(f"{path}: {reason}") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def load_recipe(path: Path) -> Recipe:
    """The detector's recipe in a YAML file."""
    return decode_recipe(path, Recipe)


def street11_folder(data: DataConfig) -> Path:
    if data.folder is not None:
        return Path(data.folder)
    shared = os.environ.get(SHARED_VARIABLE)
    return (Path(shared) if shared else REPOSITORY.parent / "shared") / "data" / "street11"
