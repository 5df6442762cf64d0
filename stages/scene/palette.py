"""Colours of cloth, paint, fur and houses, BGR."""

from __future__ import annotations

import numpy as np

from stages.scene.shape import Colour

SKIN: tuple[Colour, ...] = (
    (150, 180, 222), (130, 165, 214), (105, 140, 196), (80, 110, 165), (58, 82, 128), (42, 60, 98),
)  # fmt: skip
HAIR: tuple[Colour, ...] = (
    (28, 30, 34), (34, 48, 70), (50, 76, 110), (110, 160, 200), (150, 150, 152), (40, 60, 130),
)  # fmt: skip
CLOTHES: tuple[Colour, ...] = (
    (50, 50, 190), (170, 90, 40), (70, 130, 60), (225, 225, 228), (45, 45, 50), (60, 170, 225),
    (130, 70, 130), (200, 170, 90), (90, 110, 140), (150, 150, 155), (110, 140, 220), (120, 60, 30),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = (
    (96, 66, 44), (60, 46, 38), (40, 40, 44), (80, 110, 140), (120, 120, 124), (70, 80, 70),
    (130, 95, 70), (52, 62, 92),
)  # fmt: skip
PAINT: tuple[Colour, ...] = (
    (232, 232, 235), (40, 40, 44), (150, 152, 156), (92, 94, 98), (40, 36, 170), (150, 80, 30),
    (60, 60, 110), (90, 130, 60), (180, 200, 215), (50, 150, 215), (110, 70, 40), (200, 190, 170),
)  # fmt: skip
BUS_PAINT: tuple[Colour, ...] = (
    (40, 40, 190), (50, 180, 230), (160, 100, 40), (90, 150, 70), (230, 230, 232), (60, 120, 220),
)  # fmt: skip
FACADE: tuple[Colour, ...] = (
    (120, 150, 190), (95, 110, 165), (190, 200, 210), (150, 165, 175), (110, 130, 140),
    (170, 185, 215), (140, 130, 125), (85, 100, 130), (160, 180, 190), (200, 190, 180),
)  # fmt: skip
LEAVES: tuple[Colour, ...] = (
    (50, 105, 62),
    (44, 92, 70),
    (60, 120, 95),
    (40, 84, 50),
    (60, 110, 130),
)
GRASS: tuple[Colour, ...] = ((70, 130, 105), (62, 118, 88), (80, 140, 125), (75, 120, 120))
GLASS: Colour = (84, 72, 58)
RUBBER: Colour = (34, 34, 36)
STEEL: Colour = (165, 162, 160)


def pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """One of the colours, slightly varied."""
    base = np.array(colours[int(rng.integers(len(colours)))], dtype=np.float64)
    b, g, r = np.clip(base * rng.uniform(0.88, 1.12) + rng.normal(0, 5, 3), 8, 248)
    return float(b), float(g), float(r)


def dim(colour: Colour, share: float) -> Colour:
    """The colour darker (below 1) or lighter (above 1)."""
    b, g, r = (min(255.0, c * share) for c in colour)
    return b, g, r
