"""Inputs of Soft-NMS in which boxes crowd."""

import numpy as np


def make_crowd(seed: int, rois: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes that cluster on a few objects and scores that peak on the class of the object."""
    rng = np.random.default_rng(seed)
    objects = rng.integers(1, 8)
    centre = rng.uniform(60, 260, (objects, 2))[rng.integers(0, objects, rois)]
    centre += rng.normal(0, 8, (rois, 2))
    half = rng.uniform(15, 50, (rois, 2))
    boxes = np.hstack([centre - half, centre + half]).astype(np.float32)
    # No two scores are equal: the last bit of a decay would decide which is picked first.
    scores = rng.dirichlet(np.full(classes, 0.1), rois) * rng.uniform(0.8, 1, (rois, 1))
    return boxes, scores.astype(np.float32)
