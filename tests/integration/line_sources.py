"""Arguments of `run_pipeline.py` that read a clip in one way or another."""

from pathlib import Path


def endless(clip: Path) -> tuple[str, str]:
    """A file that begins again at its end, at the speed of a camera; every frame counts."""
    return "--set", f"sources=[{{uri: {clip}, loop: true, realtime: true}}]"


def live(clip: Path, *, loop: bool = False) -> tuple[str, str]:
    """A file that is read like a camera: at its own speed, and the newest frame wins."""
    keys = f"live: true, realtime: true, loop: {loop}".lower()
    return "--set", f"sources=[{{uri: {clip}, {keys}}}]"
