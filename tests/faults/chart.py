"""Curves over time as inline SVG, faults marked under them."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 900, 150, 70, 22
_TICK = 8  # of a mark: thousands of lines as high as the chart would hide it
_COLOURS = ("#1f6f8b", "#d1495b", "#6a994e")


class Axes(NamedTuple):
    """From values to pixels; the highest value is at the top, 0 at the bottom."""

    end_s: float
    highest: float

    def x(self, at_s: float) -> float:
        return _LEFT + at_s / self.end_s * (_WIDTH - _LEFT)

    def y(self, value: float) -> float:
        return _HEIGHT * (1 - value / self.highest) + 4


def draw_chart(
    title: str,
    times_s: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    marks: Sequence[tuple[float, str]],
) -> str:
    """One `<svg>`; a value that is no number leaves a gap in its curve, a mark has a tooltip."""
    values = [value for curve in curves.values() for value in curve if math.isfinite(value)]
    moments = [*times_s, *(at_s for at_s, _ in marks)]
    axes = Axes(max(moments, default=0.0) or 1.0, max(values, default=0.0) or 1.0)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _BOTTOM}" role="img">',
        f"<title>{escape(title)}</title>",
        *_draw_frame(axes),
        *(_draw_mark(axes, at_s, what) for at_s, what in marks),
    ]
    for colour, (name, curve) in zip(_COLOURS, curves.items(), strict=False):
        parts.append(_draw_curve(axes, times_s, curve, colour))
        parts.append(_draw_name(name, list(curves).index(name), colour))
    return "\n".join([*parts, "</svg>"])


def _draw_frame(axes: Axes) -> list[str]:
    bottom = axes.y(0)
    return [
        f'<rect x="{_LEFT}" y="4" width="{_WIDTH - _LEFT}" height="{_HEIGHT}" fill="#f7f7f7"/>',
        f'<text x="{_LEFT - 6}" y="16" text-anchor="end">{axes.highest:.4g}</text>',
        f'<text x="{_LEFT - 6}" y="{bottom:.0f}" text-anchor="end">0</text>',
        f'<text x="{_WIDTH}" y="{bottom + 16:.0f}" text-anchor="end">{axes.end_s:.0f} s</text>',
    ]


def _draw_mark(axes: Axes, at_s: float, what: str) -> str:
    x = f"{axes.x(at_s):.1f}"
    line = f'<line x1="{x}" x2="{x}" y1="{_HEIGHT - _TICK + 4}" y2="{_HEIGHT + 4}" stroke="#0006"/>'
    return f"<g>{line}<title>{escape(what)}</title></g>"


def _draw_curve(axes: Axes, times_s: Sequence[float], curve: Sequence[float], colour: str) -> str:
    path, pen = [], "M"
    for at_s, value in zip(times_s, curve, strict=True):
        if not math.isfinite(value):
            pen = "M"
            continue
        path.append(f"{pen}{axes.x(at_s):.1f} {axes.y(value):.1f}")
        pen = "L"
    return f'<path d="{" ".join(path)}" fill="none" stroke="{colour}"/>'


def _draw_name(name: str, index: int, colour: str) -> str:
    x, y = _LEFT + 10 + index * 160, _HEIGHT + 20
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(name)}</text>'
