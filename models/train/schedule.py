"""Learning rate, input size and augmentation as functions of the iteration alone."""

import math

import msgspec
import numpy as np

from models.data.augment import AugmentConfig
from models.train.recipe import Recipe, ScheduleConfig, SizePhase

WARMUP_START = 0.1  # of the peak rate
STEP_FACTOR = 0.1


def half_cosine(progress: float, final: float) -> float:
    """1 at progress 0, `final` at 1."""
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2


def rate_factor(schedule: ScheduleConfig, iteration: int, iterations: int) -> float:
    """Part of the peak learning rate at `iteration`, counted from 0."""
    if iteration < schedule.warmup:
        return WARMUP_START + (1 - WARMUP_START) * iteration / schedule.warmup
    progress = min(iteration / iterations, 1.0)
    if schedule.kind == "linear":
        return 1 - (1 - schedule.final) * progress
    if schedule.kind == "cosine":
        return half_cosine(progress, schedule.final)
    if schedule.kind == "step":
        return STEP_FACTOR ** sum(progress >= milestone for milestone in schedule.milestones)
    past = max(0.0, progress - schedule.decay_from) / (1 - schedule.decay_from)
    return half_cosine(past, schedule.final)


def input_size(recipe: Recipe, iteration: int) -> int:
    """Pixels per side of the batch at `iteration`, counted from 0."""
    if recipe.multi_scale:
        random = np.random.default_rng((recipe.seed, iteration))
        return int(random.choice(recipe.multi_scale))
    return phase_at(recipe, iteration).size


def augmentation(recipe: Recipe, iteration: int) -> AugmentConfig:
    """How the images of `iteration` are changed."""
    phase = phase_at(recipe, iteration)
    own = {"zoom": phase.zoom, "mosaic": phase.mosaic}
    changes = {name: value for name, value in own.items() if value is not None}
    return msgspec.structs.replace(recipe.augment, **changes)


def phase_at(recipe: Recipe, iteration: int) -> SizePhase:
    progress = iteration / recipe.iterations
    return next(phase for phase in recipe.sizes if progress < phase.until)
