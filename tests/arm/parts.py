"""The parts of the tests on emulated ARM, and which of them have passed."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.arm.difference import Difference, compare, read_recording
from tests.arm.model_files import (
    SCORE_THRESH,
    draw_frames,
    find,
    keep_frames,
    read_found,
    read_images,
    write_frames,
)
from tests.arm.root import ArmPython
from tests.running_line import REPOSITORY

PYTEST_OPTIONS = ("-q", "-p", "no:cacheprovider", "--hypothesis-profile=emulated")
MODELS = ("thundernet-snet49-street11", "thundernet-snet49-street11-int8")
# What depends on the processor: arithmetic, the order of writes to shared memory, clocks.
_KERNELS = ("exactness", "resize", "warp", "fitter", "picture", "boxes", "candidates", "decay",
            "soft_nms", "soft_nms_scalar", "soft_nms_vectorized", "detections")  # fmt: skip
_MEMORY = ("ring", "ring_cache", "packet_ring", "ledger", "counters", "frame_view", "heartbeat")
_LINKS = ("stream", "dispatch", "broadcast", "parcel", "reorder")
_ZOO = REPOSITORY / "models/zoo"
_SOURCES = ("pipeline", "stages", "tests", "configs")
# Sums in another order; in 8 bits, a rounding more may be a step of the scale (1/256 of a range).
_MOST = {False: (0.5, 0.01), True: (4.0, 0.06)}  # box in px, score


class Part(NamedTuple):
    """What is run in one go. `run` gives what was seen; raises Failed."""

    name: str
    run: Callable[[ArmPython], str]


class Failed(Exception):
    """A part that is not as on this machine; the text says how."""


def parts(folder: Path) -> Sequence[Part]:
    """All of them, the shortest first. What they write goes to the folder."""
    return (
        Part("kernels", _pytest("stages/kernels", _KERNELS)),
        Part("memory", _pytest("pipeline/memory", _MEMORY)),
        Part("links", _pytest("pipeline/links", _LINKS)),
        Part("detector", _pytest("stages/model", ("detector",))),
        Part("model files", lambda python: compare_models(
            python, folder, [_ZOO / f"{name}.onnx" for name in MODELS])),
        *(Part(f"line, {name}", _line(folder, name)) for name in MODELS),
    )  # fmt: skip


def _pytest(folder: str, names: Sequence[str]) -> Callable[[ArmPython], str]:
    paths = [f"tests/{folder}/test_{name}.py" for name in names]

    def run(python: ArmPython) -> str:
        if code := python.run("pytest", [*PYTEST_OPTIONS, *paths]):
            raise Failed(f"pytest ended with {code}")
        return "passes"

    return run


def compare_models(
    python: ArmPython, folder: Path, models: Sequence[Path], images: Sequence[Path] = ()
) -> str:
    """Whether files find the same on both processors, in photographs or the drawn street.

    Raises:
        Failed: they do not.
    """
    frames = read_images(images) if images else draw_frames()
    kept, out = folder / "frames.npz", folder / "found.json"
    keep_frames(frames, kept)
    if code := python.run("tests.arm.model_files", [str(kept), str(out), *map(str, models)]):
        raise Failed(f"the models ended with {code}")
    found = read_found(out)
    return "\n".join(
        judge(model.name, compare(find(model, frames), found[model.name], SCORE_THRESH))
        for model in models
    )


def judge(name: str, difference: Difference) -> str:
    """The difference in words. Raises Failed: it is more than arithmetic explains."""
    said = f"{name}: {difference}"
    most_px, most_score = _MOST["-int8" in name or "s8s8" in name]
    is_same = difference.box_px <= most_px and difference.score <= most_score
    if difference.alone or not is_same or not difference.objects:
        raise Failed(f"{said}; expected objects, none alone, {most_px:g} px, {most_score:g}")
    return said


def _line(folder: Path, model: str) -> Callable[[ArmPython], str]:
    def run(python: ArmPython) -> str:
        here, there = folder / f"{model}.here.jsonl", folder / f"{model}.arm.jsonl"
        frames = write_frames(folder / "frames")
        command = [sys.executable, "run_pipeline.py", *_arguments(folder, model, here)]
        subprocess.run(command, check=True, cwd=REPOSITORY)
        if code := python.run("tests.arm.line", _arguments(folder, model, there)):
            raise Failed(f"the line ended with {code}")
        difference = compare(read_recording(here), read_recording(there), SCORE_THRESH)
        if difference.frames != frames:
            raise Failed(f"expected {frames} frames, got {difference.frames}")
        return judge(model, difference)

    return run


def _arguments(folder: Path, model: str, recording: Path) -> list[str]:
    """Of a line that sees every frame of the folder, however long each takes."""
    recording.unlink(missing_ok=True)
    source = {"uri": str(folder / "frames")}
    settings = {
        "sources": msgspec.json.encode([source]).decode(),
        "record.jsonl": str(recording),
        "postprocess.score_thresh": str(SCORE_THRESH),
        "publish.endpoint": f"ipc://{folder}/pub",
        "limits.start_s": "1800",
        "limits.frame_s": "600",
        "log": "WARNING",
    }
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return ["--model", model, *sets]


class _Kept(msgspec.Struct):
    """What has passed, of these sources, and what was seen."""

    sources: str
    seen: dict[str, str]


def run_parts(
    python: ArmPython, chosen: Sequence[Part], passed: Path, *, again: bool
) -> Iterator[str]:
    """Run those that have not passed with these sources, and say of each what was seen.

    A run that is interrupted goes on where it was.

    Raises:
        Failed: one of them has not passed.
    """
    sources = hash_sources()
    kept = _Kept(sources, {}) if again else _read_passed(passed, sources)
    for part in chosen:
        if part.name in kept.seen:
            yield f"{part.name}: passed before: {kept.seen[part.name]}"
            continue
        begun_s = time.monotonic()
        try:
            kept.seen[part.name] = part.run(python)
        except Failed as failure:
            raise Failed(f"{part.name}: {failure}") from None
        yield f"{part.name}: {kept.seen[part.name]} ({time.monotonic() - begun_s:.0f} s)"
        passed.write_bytes(msgspec.json.encode(kept))


def _read_passed(passed: Path, sources: str) -> _Kept:
    try:
        kept = msgspec.json.decode(passed.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return _Kept(sources, {})
    return kept if kept.sources == sources else _Kept(sources, {})


def hash_sources(root: Path = REPOSITORY) -> str:
    """Of everything that the parts run: another one, and they are to be run again."""
    files = [path for folder in _SOURCES for path in sorted((root / folder).rglob("*.py"))]
    files += [root / "constraints.txt", *sorted((root / "models/zoo").glob("*.onnx"))]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
