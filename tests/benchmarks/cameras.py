"""What a line costs per frame of live cameras, beside another version of it in the same run.

    python -m tests.benchmarks.cameras --before /path/of/another/checkout
    python -m tests.benchmarks.cameras --cameras 1 2 4 8 --fps 5

CPU time is that of all processes but detect, by the kernel's account, over frames captured (or
looked at, with --fps, which only this version knows). Versions take turns, several times. Wake-ups,
also those of the threads of ZeroMQ, do not depend on what else the machine does.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from tests.benchmarks.live_camera import FPS, LiveCamera, encode_street
from tests.benchmarks.measured_line import cpu_ns, wake_ups
from tests.benchmarks.report import Row, bench_model, report
from tests.running_line import REPOSITORY, RunningLine

SECONDS = 8.0
_WARM_UP_MESSAGES = 30


class Cost(NamedTuple):
    """Of one line over some seconds."""

    cpu_ms: float  # per captured frame, all processes but detect
    by_process: dict[str, float]
    wake_ups: float  # per captured frame
    age_ms: float  # median
    ring_mib: float
    frames: int


def measure(
    version: Path, camera: LiveCamera, cameras: int, fps: float | None, seconds: float = SECONDS
) -> Cost:
    """Run a line of `version` with so many views of the camera."""
    sources = [{"uri": camera.url} | ({"fps": fps} if fps else {}) for _ in range(cameras)]
    with tempfile.TemporaryDirectory() as folder:
        line = RunningLine(
            Path(folder),
            ["--model", str(bench_model()), "--set", f"publish.endpoint=ipc://{folder}/pub",
             "--set", f"record.jsonl={folder}/out.jsonl", "--set", "log=WARNING",
             "--set", f"sources={msgspec.json.encode(sources).decode()}"],
            repository=version,
        )  # fmt: skip
        try:
            line.wait_for_messages(_WARM_UP_MESSAGES)
            pids = {name: pid for name, pid in line.children().items() if name != "fork_server"}
            seen = len(line.messages())
            before = {name: cpu_ns(pid) for name, pid in pids.items()}
            woken = _wake_ups(pids)
            began_s = time.monotonic()
            time.sleep(seconds)
            spent = {name: cpu_ns(pid) - before[name] for name, pid in pids.items()}
            woken = _wake_ups(pids) - woken
            passed_s = time.monotonic() - began_s
            messages = line.messages()[seen:]
            rings = sum(path.stat().st_size for path in line.run_dir().glob("ring.*"))
        finally:
            line.process.terminate()
            line.wait()
            line.end()
    frames = round(passed_s * (fps or FPS) * cameras)
    by_process = {n: ns / 1e6 / frames for n, ns in spent.items() if not n.startswith("detect")}
    age_ms = float(np.median([message.age_ms for message in messages]))
    return Cost(
        sum(by_process.values()), by_process, woken / frames, age_ms, rings / 2**20, len(messages)
    )


def _wake_ups(pids: dict[str, int]) -> int:
    return sum(wake_ups(pid) for name, pid in pids.items() if not name.startswith("detect"))


def compare(before: Path, size: tuple[int, int], rounds: int) -> None:
    camera = LiveCamera(encode_street(size))
    versions = {"before": before, "now": REPOSITORY}
    costs: dict[str, list[Cost]] = {name: [] for name in versions}
    for _ in range(rounds):
        for name, version in versions.items():
            costs[name].append(measure(version, camera, 1, None))
    camera.close()
    rows: list[Row] = []
    for name, found in costs.items():
        best = min(found, key=lambda cost: cost.cpu_ms)
        rows.append({
            "line": name,
            "CPU ms/frame": best.cpu_ms,
            "median": float(np.median([cost.cpu_ms for cost in found])),
            "wake-ups": best.wake_ups,
            "ring MiB": best.ring_mib,
            "age ms": min(cost.age_ms for cost in found),
            "results": best.frames,
            "by process": ", ".join(f"{n} {ms:.2f}" for n, ms in best.by_process.items()),
        })  # fmt: skip
    ratio = float(rows[1]["CPU ms/frame"]) / float(rows[0]["CPU ms/frame"])
    title = f"One H.264 camera, {size[0]}x{size[1]}, {FPS} fps, {rounds} turns of {SECONDS:g} s"
    report(f"camera-{size[1]}", title, rows, [f"CPU now / before: {ratio:.2f}"])


def scale(counts: list[int], fps: float) -> None:
    camera = LiveCamera(encode_street((1280, 720)))
    rows: list[Row] = []
    for cameras in counts:
        cost = measure(REPOSITORY, camera, cameras, fps)
        per_second = cost.cpu_ms * fps
        rows.append({"cameras": cameras, "CPU ms per camera and second": per_second,
                     "wake-ups per frame": cost.wake_ups, "age ms": cost.age_ms,
                     "results": cost.frames})  # fmt: skip
    camera.close()
    report("cameras", f"720p H.264 cameras at {fps:g} detections a second each", rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        "tests.benchmarks.cameras",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--before", type=Path, help="a checkout of another version")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cameras", type=int, nargs="+", metavar="N", default=[])
    parser.add_argument("--fps", type=float, default=5.0, help="with --cameras")
    options = parser.parse_args()
    if options.before is not None:
        for size in ((1280, 720), (1920, 1080)):
            compare(options.before.resolve(), size, options.rounds)
    if options.cameras:
        scale(options.cameras, options.fps)


if __name__ == "__main__":
    main()
