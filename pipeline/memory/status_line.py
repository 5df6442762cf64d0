"""The state of a line in one line of text, as detailed as its width allows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.memory.ages import AgeCounts, format_age

_SEPARATOR = " | "


class CameraStatus(NamedTuple):
    """One camera since the last look; `absent` is empty for a camera that is live.

    `idle` is the share of its results in which nothing was looked at.
    """

    name: str
    captured_fps: float
    published_fps: float
    ages: AgeCounts
    absent: str = ""
    why: str = ""
    idle: float = 0.0


class LineStatus(NamedTuple):
    """All cameras since the last look; `drops` since the start, by process and reason.

    `bottleneck` names the stage that they are dropped for; it is empty where there is none.
    """

    cameras: Sequence[CameraStatus]
    ages: AgeCounts
    dropped: int
    drops: Sequence[str]
    bottleneck: str = ""


def describe(line: LineStatus, width: int) -> str:
    """The most detailed text of at most `width` columns. Every character takes one column."""
    for text in _texts(line, width):
        if len(text) <= width:
            return text
    return text[:width]


def _texts(line: LineStatus, width: int) -> Iterator[str]:
    """From the most detailed text to the shortest."""
    totals = list(_totals(line))
    if len(line.cameras) == 1:
        (camera,) = line.cameras
        states = f"{_state(camera)}{_idle(camera)}", camera.absent or "live"
        for name in (f"{camera.name} {state}" for state in states):
            yield from (f"{name}{_SEPARATOR}{total}" for total in totals)
        yield f"{camera.name} {totals[-1]}"
        return
    for total, form in zip(totals, (_in_words, _in_figures, _in_figures), strict=False):
        yield _SEPARATOR.join([total, *map(form, line.cameras)])
    yield _SEPARATOR.join([totals[1], *map(_in_short, line.cameras)])
    heads = [f"{total}{_SEPARATOR}{_count(line.cameras)}" for total in totals[2:]]
    for head in heads:
        yield from _with_some(head, line.cameras, width)
    yield from heads


def _with_some(head: str, cameras: Sequence[CameraStatus], width: int) -> Iterator[str]:
    """As many cameras as there is room for, those that are absent first."""
    texts = [_in_short(camera) for camera in sorted(cameras, key=lambda c: not c.absent)]
    rows = [_SEPARATOR.join([head, *texts[:shown], f"+{len(texts) - shown}"])
            for shown in range(len(texts) - 1, 0, -1)]  # fmt: skip
    return (row for row in rows if len(row) <= width)


def _totals(line: LineStatus) -> Iterator[str]:
    captured = _rate(sum(camera.captured_fps for camera in line.cameras))
    published = _rate(sum(camera.published_fps for camera in line.cameras))
    p50, p99 = format_age(line.ages, 50), format_age(line.ages, 99)
    drops = ", ".join(line.drops) or "none"
    for_stage = f" ({line.bottleneck})" if line.bottleneck else ""
    yield f"in {captured} out {published} fps, age p50 {p50} p99 {p99}, drops {drops}{for_stage}"
    yield f"{published} fps, {p50} (p99 {p99}), {line.dropped} dropped{for_stage}"
    yield f"{published} fps, {p50}, {line.dropped} dropped"
    yield f"{published} fps, {p50}"
    yield f"{published} fps"


def _count(cameras: Sequence[CameraStatus]) -> str:
    live = sum(not camera.absent for camera in cameras)
    return f"{live} live" if live == len(cameras) else f"{live} of {len(cameras)} live"


def _in_words(camera: CameraStatus) -> str:
    if camera.absent:
        return f"{camera.name} {_state(camera)}"
    p50, p99 = format_age(camera.ages, 50), format_age(camera.ages, 99)
    return f"{camera.name} {_rate(camera.published_fps)} fps{_idle(camera)}, {p50} (p99 {p99})"


def _in_figures(camera: CameraStatus) -> str:
    if camera.absent:
        return _in_short(camera)
    return f"{camera.name} {_rate(camera.published_fps)} fps, {format_age(camera.ages, 50)}"


def _in_short(camera: CameraStatus) -> str:
    return f"{camera.name} {camera.absent or _rate(camera.published_fps)}"


def _state(camera: CameraStatus) -> str:
    """The state and its reason; a camera may have a say in that: no escapes, no wide letters."""
    why = "".join(c if c.isascii() and c.isprintable() else "?" for c in camera.why)
    return f"{camera.absent}{': ' + why if why else ''}" if camera.absent else "live"


def _idle(camera: CameraStatus) -> str:
    return f", idle {100.0 * camera.idle:.0f} %" if camera.idle else ""


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if 0 < per_second < 9.95 else f"{per_second:.0f}"
