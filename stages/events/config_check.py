"""What the types of zones, lines and filters cannot say: shapes, labels and names that fit."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipeline.config_file import ConfigError, nearest
from stages.events.config import (
    MOST_CORNERS,
    MOST_REGIONS,
    CountingLineConfig,
    FilterConfig,
    Point,
    Polygon,
    ZoneConfig,
    corners_of,
)
from stages.kernels.regions.ring import find_contact, is_on_one_line

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOPICS = ("det", "event", "status")  # the first words of the topics of messages


def check_regions(
    where: str,
    zones: Mapping[str, ZoneConfig],
    lines: Mapping[str, CountingLineConfig],
    labels: Sequence[str],
) -> None:
    """Refuse zones and lines of a source that cannot be watched.

    Args:
        where: the path of the source in the configuration, such as `sources[0]`.
        labels: of the model.

    Raises:
        ConfigError: names the first mistake by its path, with what was expected and got.
    """
    _check_names(f"{where}.zones", zones)
    _check_names(f"{where}.lines", lines)
    for name, zone in zones.items():
        path = f"{where}.zones.{name}"
        _check_polygon(f"{path}.polygon", zone.polygon)
        _check_labels(f"{path}.labels", zone.labels, labels)
        if zone.dwell_s is not None and not zone.dwell_s > 0:
            raise ConfigError(f"{path}.dwell_s: expected seconds above 0, got {zone.dwell_s:g}")
    for name, line in lines.items():
        if name in zones:
            raise ConfigError(
                f"{where}.lines.{name}: expected a name that no zone of the source has, got "
                f"'{name}' twice"
            )
        _check_line(f"{where}.lines.{name}", line, labels)


def check_filter(where: str, wanted: FilterConfig, labels: Sequence[str]) -> None:
    """Refuse a filter that cannot be applied; see `check_regions`."""
    for i, polygon in enumerate(wanted.ignore):
        _check_polygon(f"{where}.ignore[{i}]", polygon)
    _check_labels(f"{where}.labels", wanted.labels, labels)
    _check_labels(f"{where}.min_scores", wanted.min_scores, labels)


def _check_names(where: str, names: Mapping[str, object]) -> None:
    if len(names) > MOST_REGIONS:
        raise ConfigError(f"{where}: expected {MOST_REGIONS} at most, got {len(names)}")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{where}: expected names of 1 to 64 letters, digits, - and _, got {name[:70]!r}"
            )
        if name in _TOPICS:
            raise ConfigError(
                f"{where}.{name}: expected a name other than those of topics "
                f"({', '.join(_TOPICS)}), got '{name}'"
            )


def _check_line(path: str, line: CountingLineConfig, labels: Sequence[str]) -> None:
    _check_points(f"{path}.from", [line.from_])
    _check_points(f"{path}.to", [line.to])
    if line.from_ == line.to:
        raise ConfigError(f"{path}: expected from and to that differ, got {_show(line.to)} twice")
    if line.a_to_b == line.b_to_a:
        raise ConfigError(
            f"{path}: expected a_to_b and b_to_a that differ, got '{line.a_to_b}' twice"
        )
    _check_labels(f"{path}.labels", line.labels, labels)


def _check_polygon(path: str, polygon: Polygon) -> None:
    ring = corners_of(polygon)
    if not 3 <= len(ring) <= MOST_CORNERS:
        raise ConfigError(f"{path}: expected 3 to {MOST_CORNERS} corners, got {len(ring)}")
    _check_points(path, ring)
    twice = next((point for i, point in enumerate(ring) if point in ring[:i]), None)
    if twice is not None:
        raise ConfigError(f"{path}: expected corners that differ, got {_show(twice)} twice")
    corners = np.array(ring)
    if is_on_one_line(corners):
        raise ConfigError(f"{path}: expected an area, got corners on one line")
    contact = find_contact(corners)
    if contact is not None:
        first, second = (f"{_show(ring[i])} to {_show(ring[(i + 1) % len(ring)])}" for i in contact)
        raise ConfigError(
            f"{path}: expected edges that meet at corners only, got one from {first} that meets "
            f"the one from {second}"
        )


def _check_points(path: str, points: Sequence[Point]) -> None:
    for point in points:
        if not all(0 <= share <= 1 for share in point):
            raise ConfigError(f"{path}: expected x and y from 0 to 1, got {_show(point)}")


def _check_labels(path: str, wanted: Iterable[str], labels: Sequence[str]) -> None:
    for label in wanted:
        if label not in labels:
            raise ConfigError(f"{path}: unknown label '{label[:70]}'{nearest(label, labels)}")


def _show(point: Point) -> str:
    return f"[{point[0]:g}, {point[1]:g}]"
