"""Zones, lines and filters as files have them: what is right, and one error for each mistake."""

import math
from typing import Any

import msgspec
import pytest

from pipeline.config_file import ConfigError, build
from stages.events.config import CountingLineConfig, FilterConfig, Lines, ZoneConfig, Zones
from stages.events.config_check import check_filter, check_regions
from tests.stages.events.scenes import LABELS


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zones: Zones = {}
    lines: Lines = {}
    filter: FilterConfig = FilterConfig()


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: tuple[Source, ...]


SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
YARD: dict[str, Any] = {"polygon": SQUARE}
GATE: dict[str, Any] = {"from": [0.1, 0.5], "to": [0.9, 0.5]}


def check(source: dict[str, Any]) -> Source:
    """The source as a line would take it: built, then checked."""
    (built,) = build({"sources": [source]}, Config, "line.yaml").sources
    check_regions("sources[0]", built.zones, built.lines, LABELS)
    check_filter("sources[0].filter", built.filter, LABELS)
    return built


def refuse(source: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        check(source)
    said = str(refused.value)
    assert "\n" not in said
    return said


def zone(**changes: Any) -> dict[str, Any]:
    return {"zones": {"door": YARD, "yard": {**YARD, **changes}}}


def line(**changes: Any) -> dict[str, Any]:
    return {"lines": {"road": GATE, "gate": {**GATE, **changes}}}


def test_what_is_left_out_has_a_default() -> None:
    source = check({"zones": {"yard": YARD}, "lines": {"gate": GATE}})
    corners = tuple((x, y) for x, y in SQUARE)
    assert source.zones["yard"] == ZoneConfig(polygon=corners)
    assert source.lines["gate"] == CountingLineConfig(from_=(0.1, 0.5), to=(0.9, 0.5))
    assert (source.lines["gate"].a_to_b, source.lines["gate"].b_to_a) == ("in", "out")


def test_everything_may_be_said() -> None:
    check({
        "zones": {"yard": {**YARD, "labels": ["car"], "min_score": 0.5, "min_area": 0.01,
                           "min_travel": 1.5, "dwell_s": 60, "anchor": "overlap"}},
        "lines": {"gate": {**GATE, "a_to_b": "down", "b_to_a": "up", "labels": ["person"],
                           "anchor": "center"}},
        "filter": {"ignore": [SQUARE], "labels": ["car"], "min_scores": {"car": 0.6}},
    })  # fmt: skip


def test_the_first_corner_may_stand_again_at_the_end() -> None:
    source = check({"zones": {"yard": {"polygon": [*SQUARE, SQUARE[0]]}}})
    assert source.zones["yard"].corners == check({"zones": {"yard": YARD}}).zones["yard"].corners


def test_names_may_be_numbers() -> None:
    assert set(check({"zones": {7: YARD}}).zones) == {"7"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (zone(polygon=SQUARE[:2]),
         "sources[0].zones.yard.polygon: Expected `array` of length >= 3, got"),
        (zone(polygon=[*SQUARE[:2], SQUARE[0]]),
         "sources[0].zones.yard.polygon: expected 3 to 100 corners, got 2"),
        (zone(polygon=[[i / 200, i * i / 40000] for i in range(101)]),
         "sources[0].zones.yard.polygon: Expected `array` of length <= 100"),
        (zone(polygon=[[math.nan, 0.1], *SQUARE[1:]]),
         "sources[0].zones.yard.polygon[0][0]: Expected `float` >= 0.0, got nan"),
        (zone(polygon=[[0.1, math.inf], *SQUARE[1:]]),
         "sources[0].zones.yard.polygon[0][1]: Expected `float` <= 1.0, got inf"),
        (zone(polygon=[*SQUARE[:3], [-0.1, 0.9]]),
         "sources[0].zones.yard.polygon[3][0]: Expected `float` >= 0.0, got -0.1"),
        (zone(polygon=[[100, 200], [300, 200], [300, 400]]),
         "sources[0].zones.yard.polygon[0][0]: Expected `float` <= 1.0, got 100"),
        (zone(polygon=[[0.1, 0.2, 0.3], *SQUARE]),
         "sources[0].zones.yard.polygon[0]: Expected `array` of length 2, got 3"),
        (zone(polygon=[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]),
         "sources[0].zones.yard.polygon: expected an area, got corners on one line"),
        (zone(polygon=[SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]),
         "sources[0].zones.yard.polygon: expected edges that meet at corners only, got one from "
         "[0.1, 0.1] to [0.9, 0.9] that meets the one from [0.9, 0.1] to [0.1, 0.9]"),
        (zone(polygon=[*SQUARE[:3], [0.5, 0.1], SQUARE[3]]),
         "sources[0].zones.yard.polygon: expected edges that meet at corners only, got one from "
         "[0.1, 0.1] to [0.9, 0.1] that meets the one from [0.9, 0.9] to [0.5, 0.1]"),
        (zone(polygon=[*SQUARE, SQUARE[1], [0.5, 0.5]]),
         "sources[0].zones.yard.polygon: expected corners that differ, got [0.9, 0.1] twice"),
        (zone(labels=["persn"]),
         "sources[0].zones.yard.labels: unknown label 'persn': did you mean 'person'?"),
        (zone(labels=["zebra"]),
         "sources[0].zones.yard.labels: unknown label 'zebra': expected one of person, car"),
        (zone(dwell_s=0), "sources[0].zones.yard.dwell_s: Expected `float` > 0.0, got 0"),
        (zone(dwell_s=math.nan), "sources[0].zones.yard.dwell_s: Expected `float` > 0.0, got nan"),
        (zone(min_score=1.5), "sources[0].zones.yard.min_score: Expected `float` <= 1.0, got 1.5"),
        (zone(anchor="top"), "sources[0].zones.yard.anchor: Invalid enum value 'top'"),
        (zone(polygons=SQUARE),
         "unknown key 'sources[0].zones.yard.polygons': did you mean 'polygon'?"),
        ({"zones": {"yard": {}}}, "sources[0].zones.yard: Object missing required field `polygon`"),
        ({"zones": {f"zone{i}": YARD for i in range(10_000)}},
         "sources[0].zones: Expected `object` of length <= 64"),
        ({"lines": {f"line{i}": GATE for i in range(65)}},
         "sources[0].lines: Expected `object` of length <= 64"),
        ({"zones": {"my yard": YARD}},
         "sources[0].zones: expected names of 1 to 64 letters, digits, - and _, got 'my yard'"),
        ({"zones": {"": YARD}}, "sources[0].zones: expected names of 1 to 64 letters"),
        ({"lines": {"a\n": GATE}}, r"got 'a\n'"),
        ({"lines": {"event": GATE}}, "sources[0].lines.event: expected a name other than those of "
         "topics (det, event, status), got 'event'"),
        ({"zones": {"gate": YARD}, "lines": {"gate": GATE}},
         "sources[0].lines.gate: expected a name that no zone of the source has, got 'gate' twice"),
        (line(to=[0.1, 0.5]),
         "sources[0].lines.gate: expected from and to that differ, got [0.1, 0.5] twice"),
        (line(to=[0.1, math.nan]), "sources[0].lines.gate.to[1]: Expected `float` >= 0.0, got nan"),
        (line(a_to_b="out"),
         "sources[0].lines.gate: expected a_to_b and b_to_a that differ, got 'out' twice"),
        (line(a_to_b="way in"), "sources[0].lines.gate.a_to_b: Expected `str` matching regex"),
        (line(labels=["cart"]),
         "sources[0].lines.gate.labels: unknown label 'cart': did you mean 'car'?"),
        (line(anchor="overlap"), "sources[0].lines.gate.anchor: Invalid enum value 'overlap'"),
        (line(from_=[0, 0]), "unknown key 'sources[0].lines.gate.from_': did you mean 'from'?"),
        ({"filter": {"ignore": [SQUARE, SQUARE[:2]]}},
         "sources[0].filter.ignore[1]: Expected `array` of length >= 3"),
        ({"filter": {"ignore": [SQUARE, [[0, 0], [0.2, 0.2], [1, 1]]]}},
         "sources[0].filter.ignore[1]: expected an area, got corners on one line"),
        ({"filter": {"labels": ["cars"]}},
         "sources[0].filter.labels: unknown label 'cars': did you mean 'car'?"),
        ({"filter": {"min_scores": {"cars": 0.5}}},
         "sources[0].filter.min_scores: unknown label 'cars': did you mean 'car'?"),
        ({"filter": {"min_scores": {"person": 0.5, "car": 2}}},
         "sources[0].filter.min_scores.car: Expected `float` <= 1.0, got 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_path_and_what_was_expected(
    source: dict[str, Any], said: str
) -> None:
    assert said in refuse(source)


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        (((0.1, 0.1), (0.9, 0.1)), "expected 3 to 100 corners, got 2"),
        (((0.1, 0.1), (0.9, 0.1), (0.5, math.nan)), "expected x and y from 0 to 1, got [0.5, nan]"),
        (((0.1, 0.1), (0.9, 0.1), (0.5, 1.5)), "expected x and y from 0 to 1, got [0.5, 1.5]"),
    ],
)
def test_what_never_was_in_a_file_is_checked_as_well(
    polygon: tuple[tuple[float, float], ...], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_regions("sources[0]", {"yard": ZoneConfig(polygon=polygon)}, {}, LABELS)
    assert str(refused.value) == f"sources[0].zones.yard.polygon: {said}"
