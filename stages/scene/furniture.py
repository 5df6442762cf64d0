"""Trees and street lamps: they hide others and carry no label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.scene.palette import LEAVES, dim, pick
from stages.scene.shape import Blob, Colour, Floats, Part


@dataclass(frozen=True)
class Tree:
    height: float
    leaf: Colour
    puffs: Floats  # (N, 5): x, y, z, radius, tone


def make_tree(rng: np.random.Generator) -> Tree:
    height = float(rng.uniform(4.0, 7.5))
    count = 130
    spread = rng.normal(0, 1, (count, 3))
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    reach = rng.uniform(0.25, 1.0, (count, 1)) ** 0.5 * height * np.array([0.24, 0.24, 0.27])
    places = spread * reach + np.array([0, 0, height * 0.7])
    radius = rng.uniform(0.035, 0.08, count) * height
    tone = rng.uniform(0.8, 1.18, count) + 0.12 * spread[:, 2]
    return Tree(height, pick(rng, LEAVES), np.column_stack([places, radius, tone]))


def tree_parts(tree: Tree) -> list[list[Part]]:
    h = tree.height
    trunk = np.array([[0, 0, 0.05, 0.028 * h], [0.02, 0, 0.6 * h, 0.016 * h]])
    leaves: list[Part] = [
        Blob(np.array([[x, y, z, r]]), dim(tree.leaf, float(tone)), matte=1.0)
        for x, y, z, r, tone in tree.puffs
    ]
    return [[Blob(trunk, (52, 68, 88))], leaves]


def lamp_parts(rng: np.random.Generator) -> list[list[Part]]:
    height = float(rng.uniform(4.2, 6.5))
    steel = pick(rng, ((70, 72, 74), (60, 75, 60), (130, 132, 134)))
    pole = np.array([[0, 0, 0.05, 0.085], [0, 0, height, 0.045]])
    arm = np.array([[0, 0, height, 0.045], [-1.0, 0, height + 0.25, 0.035]])
    head = np.array([[-0.9, 0, height + 0.22, 0.09], [-1.35, 0, height + 0.27, 0.07]])
    return [[Blob(pole, steel), Blob(arm, steel), Blob(head, (190, 205, 210))]]
