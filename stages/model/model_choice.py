"""`model: auto`: the model that suits this machine, by times that are measured once and kept.

Without a list it is the fastest version of the shipped one; of a list of files it is the most
accurate that is fast enough.

Whether 8 bits are faster than float32 depends on the processor: on the one with VNNI that these
models were made on the two are close, elsewhere one wins clearly. The measurement runs in a process
of its own (see model_timing.py), so that the supervising process loads no runtime.
"""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from stages.model.model_file import ModelFileError, ModelMetadata, read_model_metadata
from stages.model.stated_accuracy import comparable_accuracies

AUTO = "auto"
SUFFIX = "-int8"
# A version in 8 bits detects a little worse, so it is chosen only where it is clearly faster.
WORTHWHILE = 0.95
TIMEOUT_S = 120.0
# What names a processor in /proc/cpuinfo, on x86 and on ARM.
CPU_FIELDS = ("model name", "CPU implementer", "CPU part", "Model", "Hardware")


_SAID_LATER = ("quantization", "published")  # in a card's recipe


class Choice(NamedTuple):
    path: str
    reason: str  # for people
    is_slow: bool = False  # slower than was asked for


class Times(NamedTuple):
    ms: dict[str, float]  # median milliseconds by file
    origin: str  # for people


class _Kept(msgspec.Struct, frozen=True):
    """What the cache holds: median milliseconds by file name."""

    ms: dict[str, float]


def versions_of(path: str) -> list[str]:
    """The model file, and those in 8 bits that lie beside it and were made of it.

    Raises:
        ModelFileError: the file itself is none.
    """
    plain = Path(path)
    beside = sorted(plain.parent.glob(f"{plain.stem}{SUFFIX}*.onnx"))
    if not beside:
        return [path]
    card = read_model_metadata(plain)
    return [path, *(str(file) for file in beside if _is_made_of(file, card))]


def _is_made_of(quantized: Path, plain: ModelMetadata) -> bool:
    """Whether `models.quantize` read that file, or it as it was before it was published.

    Older weights would detect otherwise.
    """
    try:
        card = read_model_metadata(quantized)
    except ModelFileError:  # of a copy that was cut short, say: it is no version
        return False
    quantization = card.recipe.get("quantization")
    if not isinstance(quantization, dict):
        return False
    return quantization.get("source_sha256") == plain.sha256 or _trained(card) == _trained(plain)


def _trained(card: ModelMetadata) -> ModelMetadata:
    """The card without what is said of the file later: only of the same weights it is the same."""
    recipe = {key: value for key, value in card.recipe.items() if key not in _SAID_LATER}
    return msgspec.structs.replace(card, name="-", sha256="", recipe=recipe)


def choose_model(path: str, threads: int, core: int) -> Choice:
    """The fastest version of the model at `path` on a core of this machine.

    It is the file itself, in float, where the versions cannot be measured: a line starts anyway.

    Raises:
        ModelFileError: the file itself cannot be read.
    """
    versions = versions_of(path)
    if len(versions) == 1:
        return Choice(path, f"{path}: no version in 8 bits was made of it")
    try:
        times = find_times(versions, threads, core)
    except ModelFileError as error:
        return Choice(path, f"{path}: not measured, so it is the one in float: {error}")
    best = pick(path, times.ms)
    each = ", ".join(f"{Path(version).name} {times.ms[version]:.1f} ms" for version in versions)
    return Choice(best, f"{best}: {each}, {times.origin}")


def choose_among(paths: Sequence[str], at_most_ms: float, threads: int, core: int) -> Choice:
    """The most accurate of several files that takes no longer on a core of this machine.

    It is the fastest where all take longer, and the first where they cannot be measured: a line
    starts anyway.

    Raises:
        ModelFileError: a file cannot be read, or states no accuracy that could be compared.
    """
    accuracies = comparable_accuracies(paths)
    try:
        times = find_times(tuple(accuracies), threads, core)
    except ModelFileError as error:
        return Choice(paths[0], f"{paths[0]}: not measured, so it is the first: {error}")
    fast = [path for path in accuracies if times.ms[path] <= at_most_ms]
    best = max(fast, key=lambda path: (accuracies[path], -times.ms[path]), default=None)
    why = f"the most accurate of those within {at_most_ms:g} ms"
    if best is None:
        best = min(accuracies, key=lambda path: times.ms[path])
        why = f"none takes at most {at_most_ms:g} ms, and this is the fastest"
    each = ", ".join(
        f"{Path(path).name} AP {ap:.1f} {times.ms[path]:.1f} ms" for path, ap in accuracies.items()
    )
    return Choice(best, f"{best}: {why}: {each}, {times.origin}", is_slow=not fast)


def find_times(paths: Sequence[str], threads: int, core: int) -> Times:
    """Measured now, or at an earlier start. Raises ModelFileError: they cannot be measured."""
    kept_in = cache_file(paths, threads)
    kept = read_kept(kept_in, paths)
    if kept is not None:
        return Times(kept, f"measured before, kept in {kept_in}")
    ms = measure(paths, threads, core)
    keep(kept_in, ms)
    return Times(ms, "measured now")


def pick(plain: str, ms: Mapping[str, float]) -> str:
    """The fastest version, but the plain one unless another gains something worthwhile."""
    fastest = min(ms, key=lambda version: ms[version])
    return fastest if ms[fastest] < WORTHWHILE * ms[plain] else plain


def cache_file(versions: Sequence[str], threads: int) -> Path:
    """Where the times are kept; other models, another runtime or another machine, another file."""
    from importlib import metadata  # 20 ms of imports that only `auto` needs

    # A user without a home directory is no reason to stop: then nothing is kept.
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(cache, "thunderline")
    models = [(version, read_model_metadata(version).sha256) for version in versions]
    key = [models, threads, describe_processor(), metadata.version("onnxruntime")]
    return folder / f"model-choice-{hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:16]}.json"


def describe_processor() -> list[str]:
    """What kind of processor this is, as the kernel names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = {line.replace("\t", "") for line in lines if line.startswith(CPU_FIELDS)}
    return [platform.machine(), *sorted(named)]


def read_kept(path: Path, versions: Sequence[str]) -> dict[str, float] | None:
    """The times of an earlier start; None if there are none, or none that can be used."""
    try:
        ms = msgspec.json.decode(path.read_bytes(), type=_Kept).ms
    except (OSError, msgspec.DecodeError):
        return None
    return ms if ms.keys() == set(versions) else None


def keep(path: Path, ms: dict[str, float]) -> None:
    """Writes the times in one step. Where that is not possible, the next start measures again."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(msgspec.json.encode(_Kept(ms)))
        os.replace(partial, path)
    except OSError:
        return


def measure(versions: Sequence[str], threads: int, core: int) -> dict[str, float]:
    """Median milliseconds of each version, taken in turns. Raises ModelFileError."""
    command = [
        sys.executable,
        "-m",
        "stages.model.model_timing",
        str(core),
        str(threads),
        *versions,
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"expected {list(versions)} to be measured within {TIMEOUT_S:.0f} s"
        ) from None
    if done.returncode:  # killed for an instruction that the processor lacks, it says nothing
        raise ModelFileError(done.stderr.strip() or f"the process ended with {done.returncode}")
    return msgspec.json.decode(done.stdout, type=dict[str, float])
