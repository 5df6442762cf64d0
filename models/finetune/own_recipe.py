"""The recipe of a fine-tuning run: shipped weights, a new class layer, a backbone that waits."""

from pathlib import Path

import msgspec

from models.checkpoint import CheckpointError, read_checkpoint
from models.data.augment import AugmentConfig
from models.data.scene import SceneConfig
from models.finetune.own_data import OwnData
from models.thundernet.config import ThunderNetConfig
from models.thundernet.criterion import CriterionConfig
from models.train.recipe import (
    DataConfig,
    OptimizerConfig,
    Recipe,
    ScheduleConfig,
    SizePhase,
)

BATCH = 16
WARMUP = 50  # iterations
FROZEN = 0.2  # of the run: what the new layer says at first is noise to the backbone
VALIDATIONS = 5


def read_network(weights: Path, labels: tuple[str, ...]) -> ThunderNetConfig:
    """The network of a checkpoint, with other classes."""
    try:
        state = read_checkpoint(weights)
        config = msgspec.convert(state["meta"]["model"], ThunderNetConfig)
    except (OSError, KeyError, msgspec.ValidationError) as error:
        raise CheckpointError(f"--weights {weights}: expected a detector's: {error}") from error
    return msgspec.structs.replace(config, labels=labels)


def make_recipe(data: OwnData, weights: Path, out: Path, images: int, threads: int) -> Recipe:
    """A run over `images` images in all."""
    network = read_network(weights, data.labels)
    iterations = max(1, images // BATCH)
    size = network.input_size
    return Recipe(
        iterations=iterations,
        batch_size=BATCH,
        threads=threads,
        initial_weights=str(weights),
        initial_part="all but classes",
        frozen_until=FROZEN,
        model=network,
        criterion=CriterionConfig(rois_per_image=64, jittered_rois=4, post_nms_top_n=100),
        # Pictures of the user's own day: what the weights know of the night would be forgotten.
        augment=AugmentConfig(mosaic=0.2, background=0.1, grey=0.15, low_light=0.15),
        data=DataConfig(
            train=(data.train,), val=data.val, cache=str(out / "cache"), image_size=size,
            scene=SceneConfig(streets=0),
        ),
        optimizer=OptimizerConfig(name="muon", lr=1e-3),
        schedule=ScheduleConfig(
            kind="trapezoid", warmup=min(WARMUP, iterations // 10), decay_from=0.4
        ),
        sizes=(SizePhase(size=size, until=1.0),),
        validate_every=max(1, iterations // VALIDATIONS),
    )  # fmt: skip
