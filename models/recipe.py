"""A training run as data: everything that decides its outcome, read from one YAML file."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from models.data.augment import AugmentConfig
from models.data.scene import SceneConfig
from models.data.split import CocoSplit, VocSplit
from models.thundernet.config import ConfigError, ThunderNetConfig, check_input_size
from models.thundernet.criterion import CriterionConfig

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_VARIABLE = "THUNDERLINE_SHARED"


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where images come from and how often each is drawn."""

    train: tuple[VocSplit | CocoSplit, ...] = ()  # all of these, with `val`, instead of street11
    val: VocSplit | CocoSplit | None = None
    folder: str | None = None  # of street11; None: data/street11 in the shared folder
    train_split: str = "train"
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


class OptimizerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = 2e-3
    weight_decay: float = 0.05  # on convolution and linear weights; SGD wants 1e-4
    momentum: float = 0.9  # SGD only
    clip_norm: float = 10.0


class ScheduleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Learning rate over the run; every position but the warm-up is a part of the whole."""

    kind: Literal["cosine", "step", "trapezoid"] = "cosine"
    warmup: int = 300  # iterations
    final: float = 0.01  # of the peak rate, cosine and trapezoid
    decay_from: float = 0.55  # trapezoid: constant up to here, then half a cosine
    milestones: tuple[float, ...] = (0.5, 0.75)  # step: a tenth after each


class SizePhase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: int  # pixels
    until: float  # part of the whole run

    def __post_init__(self) -> None:
        check_input_size(self.size)


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run. `iterations` may change between interruption and resumption, nothing else may."""

    iterations: int
    model: ThunderNetConfig = ThunderNetConfig()
    criterion: CriterionConfig = CriterionConfig()
    augment: AugmentConfig = AugmentConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    sizes: tuple[SizePhase, ...] = (SizePhase(size=320, until=1.0),)
    multi_scale: tuple[int, ...] = ()  # a random one of these per iteration, instead of `sizes`
    batch_size: int = 32
    max_boxes: int | None = None  # fixed padding for GPUs; None pads to the batch
    ema_decay: float = 0.998
    seed: int = 0
    device: str = "cpu"
    threads: int = 2  # CPU results repeat bit by bit only with the same number
    autocast: bool = False  # bfloat16 in convolutions and matrix products
    compile: Literal["no", "match", "all"] = "no"
    log_every: int = 20  # iterations
    validate_every: int = 1000  # iterations
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.batch_size < 1:
            raise ConfigError(
                "expected iterations >= 1 and batch_size >= 1, got "
                f"{self.iterations} and {self.batch_size}"
            )
        ends = [phase.until for phase in self.sizes]
        if not ends or ends != sorted(ends) or ends[-1] != 1.0:
            raise ConfigError(f"sizes: expected rising `until` that ends at 1.0, got {ends}")
        for size in self.multi_scale:
            check_input_size(size)


def load_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file; a key that does not exist is refused with its place."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Recipe)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def street11_folder(data: DataConfig) -> Path:
    if data.folder is not None:
        return Path(data.folder)
    shared = os.environ.get(SHARED_VARIABLE)
    return (Path(shared) if shared else REPOSITORY.parent / "shared") / "data" / "street11"
