"""The scene address: `scene://street?seed=7&width=1280&people=6`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

WORLDS = ("street",)
MAX_COUNT = 24


class SceneError(ValueError):
    """A scene address that names no scene that can be drawn."""


class StreetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn; a count of None lets the seed decide."""

    seed: int = 0
    width: int = 1280
    height: int = 720
    fps: float = 25.0
    seconds: float = 0.0  # 0 goes on for ever
    people: int | None = None
    bicycles: int | None = None
    cars: int | None = None
    motorcycles: int | None = None
    buses: int | None = None
    trucks: int | None = None
    dogs: int | None = None
    cats: int | None = None
    horses: int | None = None
    sheep: int | None = None
    cows: int | None = None
    traffic: float = 1.0  # share of the time that a body is in sight; below 1, nobody stands still
    light: bool = True  # brightness and colour of the light change with time
    noise: bool = True  # sensor noise
    shadows: bool = True

    def __post_init__(self) -> None:
        for key in COUNTS:
            if (count := getattr(self, key)) is not None:
                _check_range(key, count, 0, MAX_COUNT)
        for key, (low, high) in _RANGES.items():
            _check_range(key, getattr(self, key), low, high)


COUNTS = (
    "people",
    "bicycles",
    "cars",
    "motorcycles",
    "buses",
    "trucks",
    "dogs",
    "cats",
    "horses",
    "sheep",
    "cows",
)
_RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**32 - 1),
    "width": (160, 3840),
    "height": (120, 2160),
    "fps": (1, 240),
    "seconds": (0, 86_400),
    "traffic": (0.001, 1),
}
_SWITCHES = {"on": True, "off": False}


def parse_scene_uri(uri: str) -> StreetOptions:
    """The options that a scene address spells out, defaults for the rest."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:  # brackets that hold no IPv6 address
        raise SceneError(f"scene address '{uri}': {error}") from None
    if parts.scheme != "scene":
        raise SceneError(f"scene address '{uri}': expected it to start with 'scene://'")
    if parts.netloc not in WORLDS or parts.path not in ("", "/"):
        world = parts.netloc + parts.path
        raise SceneError(f"scene address '{uri}': expected the world 'street', got '{world}'")
    fields: dict[str, Any] = {}
    for key, text in parse_qsl(parts.query, keep_blank_values=True):
        if key in fields:
            raise SceneError(f"scene option '{key}' is given twice in '{uri}'")
        fields[key] = _parse_option(key, text)
    return StreetOptions(**fields)


def _parse_option(key: str, text: str) -> int | float | bool | None:
    known = StreetOptions.__struct_fields__
    if key not in known:
        import difflib  # wanted seldom

        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}"
        raise SceneError(f"unknown scene option '{key}': {hint}")
    if key in ("light", "noise", "shadows"):
        return _parse_switch(key, text)
    if key in COUNTS and text == "auto":
        return None
    return _parse_number(key, text)


def _parse_switch(key: str, text: str) -> bool:
    if text not in _SWITCHES:
        raise SceneError(f"scene option '{key}': expected 'on' or 'off', got '{text}'")
    return _SWITCHES[text]


def _parse_number(key: str, text: str) -> int | float:
    kind = float if key in ("fps", "seconds", "traffic") else int
    try:
        return kind(text)
    except ValueError:
        expected = "a number" if kind is float else "a whole number"
        if key in COUNTS:
            expected += " or 'auto'"
        raise SceneError(f"scene option '{key}': expected {expected}, got '{text}'") from None


def _check_range(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SceneError(f"scene option '{key}': expected {low:g} to {high:g}, got {value:g}")
