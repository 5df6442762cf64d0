"""The chart of a bench as SVG: how long each network takes, and what whole lines delivered."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from stages.line.bench.report import BenchReport, headline, model_label, size_name

_WIDTH, _LEFT, _RIGHT = 820, 190, 110  # pixels; names to the left of bars, numbers to the right
_BAR, _GAP = 18, 6
_BLUES = ("#1f6fb2", "#8fb8d9", "#c9dceb")  # by group of cores, the fastest first
_ENOUGH, _TOO_LITTLE, _ASKED = "#2e8b57", "#c0504d", "#e4e7ea"
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.t{font-size:14px;font-weight:600}"
    ".n{text-anchor:end}.s{fill:#667}"
)


def draw_chart(report: BenchReport) -> str:
    """A picture of its own, for browsers and documents."""
    parts, y = list[str](), 30.0
    parts.append(_text(16, y, headline(report), "t"))
    parts.append(_text(16, y + 20, report.board, "s"))
    y = _draw_times(report, parts, y + 52)
    y = _draw_lines(report, parts, y + 26)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y:.0f}" '
        f'viewBox="0 0 {_WIDTH} {y:.0f}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _draw_times(report: BenchReport, parts: list[str], y: float) -> float:
    """Bars of milliseconds, one for each group of cores; returns where the next part begins."""
    groups = report.groups
    rows = [(f"decode {size_name(report.size_wh)}", [g.decode_ms for g in groups])]
    models = groups[0].network_ms
    rows += [(model_label(model), [g.network_ms[model] for g in groups]) for model in models]
    longest = max(max(values) for _, values in rows)
    parts.append(_text(16, y, "milliseconds a frame, one core", "t"))
    if len(groups) > 1:
        parts += _legend([f"cores {', '.join(map(str, g.cores))}" for g in groups], y)
    y += 16
    for name, values in rows:
        middle = y + len(values) * _BAR / 2 + 5
        parts.append(_text(_LEFT - 8, middle, name, "n"))
        for ms, colour in zip(values, _colours(len(values)), strict=True):
            parts += _bar(y, ms / longest, colour, f"{ms:.1f}")
            y += _BAR
        y += _GAP
    return y


def _draw_lines(report: BenchReport, parts: list[str], y: float) -> float:
    """Bars of results a second: what was asked for, and on top of it what came."""
    tries = [each for each in report.tries if each.speed is not None]
    parts.append(_text(16, y, "results a second of the whole line, and how many were asked", "t"))
    y += 16
    most = max((max(each.asked, each.got) for each in tries), default=1.0)
    for each in tries:
        name = f"{each.cameras} camera{'s' if each.cameras > 1 else ''}"
        parts.append(_text(_LEFT - 8, y + _BAR - 4, name, "n"))
        parts += _bar(y, each.asked / most, _ASKED, "")
        colour = _ENOUGH if each.is_enough else _TOO_LITTLE
        parts += _bar(
            y, each.got / most, colour, f"{each.got:.0f} of {each.asked:g}", each.asked / most
        )
        y += _BAR + _GAP
    return y + 8


def _legend(names: list[str], y: float) -> Iterator[str]:
    x = 300.0
    for name, colour in zip(names, _colours(len(names)), strict=True):
        yield f'<rect x="{x}" y="{y - 11}" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 17, y, name, "s")
        x += 150


def _colours(count: int) -> list[str]:
    return [_BLUES[min(number, len(_BLUES) - 1)] for number in range(count)]


def _bar(y: float, share: float, colour: str, number: str, beside: float = 0.0) -> Iterator[str]:
    """A bar, and its number to the right of it, or of a longer one in the same place."""
    room = _WIDTH - _LEFT - _RIGHT
    width = max(room * share, 1.0)
    yield (
        f'<rect x="{_LEFT}" y="{y:.0f}" width="{width:.1f}" height="{_BAR - 3}" fill="{colour}"/>'
    )
    if number:
        yield _text(_LEFT + room * max(share, beside) + 6, y + _BAR - 6, number)


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{of_kind}>{escape(text)}</text>'
