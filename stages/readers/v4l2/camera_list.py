"""The cameras of this machine, as configuration that can be pasted."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pipeline.shown_text import one_line
from stages.config import V4l2Format
from stages.readers.v4l2.device import Device, Mode, SizeRange

_DEVICE = re.compile(r"video(\d+)")
_USUAL_SIZES = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))  # of a range, these are shown
_MOST_PIXELS = 1920 * 1080  # of the mode that is proposed: the network sees less
_LEAST_FPS = 20.0  # of it
_READ = get_args(V4l2Format)


def describe_cameras(folder: Path = Path("/dev")) -> Iterator[str]:
    """Lines of YAML: every camera with one mode, and its other modes as comments."""
    found = 0
    for path in _nodes(folder):
        try:
            with Device(str(path)) as device:
                lines = list(_describe(device, path))
        except PermissionError:
            yield f"# {path}: may not be opened: this user needs the group 'video'"
        except OSError:  # a node for meta data, a codec, or nothing any more
            continue
        else:
            found += 1
            yield from (["sources:"] if found == 1 else [])
            yield from lines
    if not found:
        yield f"# no camera answers at {folder}/video*"


def _nodes(folder: Path) -> list[Path]:
    numbered = [(int(match[1]), name) for name in os.listdir(folder)
                if (match := _DEVICE.fullmatch(name))]  # fmt: skip
    return [folder / name for _, name in sorted(numbered)]


def _describe(device: Device, path: Path) -> Iterator[str]:
    modes = list(_modes(device))
    proposed = max(modes, key=_merit, default=None)
    yield one_line(f"  # {path}: {device.card} ({device.driver}, {device.bus})")
    yield f"  - uri: {_lasting_name(path)}"
    for mode, rates in modes:
        others = ", ".join(f"{rate:g}" for rate in rates[1:])
        start = "    " if proposed and mode == proposed[0] else "    # "
        yield f"{start}v4l2: {_as_yaml(mode)}{f'  # or {others} fps' if others else ''}"
    unread = [name for name in device.formats() if name not in _READ]
    if unread:
        yield f"    # its formats {', '.join(unread)} are not read"


def _modes(device: Device) -> Iterator[tuple[Mode, list[float]]]:
    """(mode at its highest rate, all rates), the largest sizes first."""
    for format in dict.fromkeys(device.formats()):
        if format in _READ:
            sizes = {size for found in device.sizes(format) for size in _examples(found)}
            for size_wh in sorted(sizes, key=lambda wh: -wh[0] * wh[1]):
                rates = device.rates(format, size_wh)
                yield Mode(format, size_wh, rates[0] if rates else None), rates


def _examples(found: SizeRange) -> set[tuple[int, int]]:
    """A size, or of a range its greatest and the usual ones."""
    (least_w, least_h), (most_w, most_h) = found
    usual = {(w, h) for w, h in _USUAL_SIZES
             if least_w <= w <= most_w and least_h <= h <= most_h}  # fmt: skip
    return {found.most, *(usual if found.least != found.most else ())}


def _merit(entry: tuple[Mode, list[float]]) -> tuple[bool, bool, int, float]:
    """Fast enough, not larger than needed, then the largest, then the fastest."""
    mode, _ = entry
    assert mode.size_wh is not None, "a listed mode has a size"
    pixels, fps = mode.size_wh[0] * mode.size_wh[1], mode.fps or 0.0
    fits = pixels <= _MOST_PIXELS
    return mode.fps is None or fps >= _LEAST_FPS, fits, pixels if fits else -pixels, fps


def _as_yaml(mode: Mode) -> str:
    assert mode.size_wh is not None, "a listed mode has a size"
    rate = "" if mode.fps is None else f", fps: {mode.fps:g}"
    return f"{{format: {mode.format}, size: [{mode.size_wh[0]}, {mode.size_wh[1]}]{rate}}}"


def _lasting_name(path: Path) -> Path:
    """The name that a camera keeps when others are plugged in before it, where udev gives one."""
    names = sorted((path.parent / "v4l/by-id").glob("*"))
    return next((name for name in names if name.resolve() == path.resolve()), path)
