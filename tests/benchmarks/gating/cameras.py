"""Eight cameras before quiet streets, with the gate and without, in turns.

    python -m tests.benchmarks.gating.cameras
    python -m tests.benchmarks.gating.cameras --cameras 4 --seconds 20

CPU time is by the kernel's account, per second of the line's life. Each camera sends H.264 in 720p
at 10 frames a second; a car and a person come by now and then.
"""

import argparse
import tempfile
import time
from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage
from tests.benchmarks.gating.films import FPS
from tests.benchmarks.live_camera import LiveCamera, encode_street
from tests.benchmarks.measured_line import cpu_ns
from tests.benchmarks.report import Row, bench_model, percentiles, report
from tests.running_line import RunningLine

_SIZE = (1280, 720)
_QUIET = "traffic=0.05&cars=1&people=1&" + "&".join(
    f"{body}=0"
    for body in (
        "bicycles", "motorcycles", "buses", "trucks", "dogs", "cats", "horses", "sheep", "cows"
    )
)  # fmt: skip
_SETTLED_S = 5.0  # left out: processes start, and the gate does not know the streets yet


def make_cameras(count: int, seconds: int) -> list[LiveCamera]:
    """Streets that are coded beforehand, long enough for the whole measurement."""
    return [
        LiveCamera(
            encode_street(_SIZE, street=f"seed={seed}&{_QUIET}", fps=FPS, seconds=seconds), FPS
        )
        for seed in range(1, count + 1)
    ]


def run_line(cameras: list[LiveCamera], gate: str | None, seconds: float) -> Row:
    sources = [{"uri": camera.url, "gate": gate} for camera in cameras]
    with tempfile.TemporaryDirectory() as folder:
        line = RunningLine(
            Path(folder),
            ["--model", str(bench_model()), "--set", f"publish.endpoint=ipc://{folder}/pub",
             "--set", f"record.jsonl={folder}/out.jsonl", "--set", "log=WARNING",
             "--set", f"sources={msgspec.json.encode(sources).decode()}"],
        )  # fmt: skip
        try:
            line.wait_for_messages(len(cameras))
            time.sleep(_SETTLED_S)
            pids, seen = line.children(), len(line.messages())
            before = {name: cpu_ns(pid) for name, pid in pids.items()}
            began_s = time.monotonic()
            time.sleep(seconds)
            spent = {name: cpu_ns(pid) - before[name] for name, pid in pids.items()}
            passed_s = time.monotonic() - began_s
            messages = line.messages()[seen:]
        finally:
            line.process.terminate()
            line.wait()
            line.end()
    return describe(messages, spent, passed_s) | {"gate": gate or "-"}


def describe(messages: list[DetectionMessage], spent: dict[str, int], passed_s: float) -> Row:
    ms = {name: ns / 1e6 / passed_s for name, ns in spent.items()}
    detect = sum(value for name, value in ms.items() if name.startswith("detect"))
    p50, p99 = percentiles([message.age_ms for message in messages])
    return {
        "gate": "",
        "detect ms/s": detect,
        "others ms/s": sum(ms.values()) - detect,
        "results/s": len(messages) / passed_s,
        "idle %": 100 * sum(m.status == "idle" for m in messages) / len(messages),
        "dropped/s": sum(sum(m.drops.values()) for m in messages) / passed_s,
        "age p50 ms": p50,
        "p99": p99,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        "tests.benchmarks.gating.cameras",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=40, help="of each line")
    options = parser.parse_args()
    cameras = make_cameras(options.cameras, options.seconds + 4 * round(_SETTLED_S))
    rows = [run_line(cameras, gate, options.seconds) for gate in (None, "motion")]
    for camera in cameras:
        camera.close()
    saved = 100 * (1 - float(rows[1]["detect ms/s"]) / float(rows[0]["detect ms/s"]))
    title = f"{options.cameras} cameras, H.264 in 720p at {FPS} fps"
    report("gate_cameras", title, rows, [f"of detect's CPU time are saved: {saved:.0f} %"])


if __name__ == "__main__":
    main()
