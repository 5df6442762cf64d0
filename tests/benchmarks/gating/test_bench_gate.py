"""What the gate saves, what it costs, and what it makes the line see later."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stages.kernels.gating.gate import Gate, GateOptions
from stages.kernels.resize import warp_into
from stages.model.detector import Detector
from tests.benchmarks.gating.films import FPS, DrawnStreet, Film, ThinnedClip
from tests.benchmarks.gating.lockstep import LOOK_S, Lockstep, Outcome
from tests.benchmarks.measured_line import MeasuredLine, cpu_ns
from tests.benchmarks.report import Row, bench_model, report
from tests.benchmarks.timing import measure, pinned

pytestmark = pytest.mark.bench

STREETS, STREET_S = 8, 1000.0
# Both by Intel for developers: where a clip is empty, in how many of its frames it is not, and how
# many are taken.
CLIPS = {
    "one-by-one-person-detection": (range(2, 50), 352, 450),
    "car-detection": (range(2, 50), 145, 377),
}
LONG_DELAY = 2  # frames
LINE_STREET_S = 120.0
LINE_CLIP, LINE_BUSY = 212, 134  # frames of the clip that a line is given: the first person


@pytest.fixture(scope="module")
def lockstep() -> Lockstep:
    return Lockstep(Detector(bench_model(), threads=1))


def describe(name: str, outcomes: list[Outcome]) -> Row:
    frames, empty, looks, wasted = (
        sum(getattr(outcome, field) for outcome in outcomes)
        for field in ("frames", "empty", "looks", "looks_at_empty")
    )
    delays = np.array([delay for outcome in outcomes for delay in outcome.delays()])
    return {
        "film": name,
        "frames": frames,
        "empty %": 100 * empty / frames,
        "not detected on %": 100 * (1 - looks / frames),
        "looks at empty %": 100 * wasted / empty,
        "objects": len(delays),
        "later": int((delays > 0).sum()),
        f"by more than {LONG_DELAY}": int((delays > LONG_DELAY).sum()),
        "earlier": int((delays < 0).sum()),
    }


def test_gate_accuracy_table(lockstep: Lockstep, request: pytest.FixtureRequest) -> None:
    streets = [lockstep.run(DrawnStreet(seed, STREET_S)) for seed in range(1, STREETS + 1)]
    rows = [describe(f"{STREETS} streets", streets)]
    shared: Path = request.getfixturevalue("shared")
    for name, (empty, busy_frames, frames) in CLIPS.items():
        clip: Film = ThinnedClip(shared / f"clips/{name}.mp4", empty, busy_frames, frames)
        rows.append(describe(name, [lockstep.run(clip)]))
    notes = [
        f"look_s {LOOK_S:g}; the gate hears of tracks two frames late; objects that are found at "
        "all without the gate, at an IoU of 0.5 with the right label"
    ]
    report("gate_accuracy", "A gate on films on which little happens", rows, notes)


def test_gate_time_table() -> None:
    """Milliseconds a frame, in the stage that has just written the picture."""
    shots = []
    for shot in DrawnStreet(7, 10.0).shots():
        tensor = np.empty((320, 320, 3), np.uint8)
        warp_into(shot.picture, tensor)
        shots.append((shot.seconds, tensor))
    gate = Gate((320, 320), GateOptions(look_s=LOOK_S))
    number = 0

    def step() -> None:
        nonlocal number
        gate.is_open(shots[number % len(shots)][1], number / FPS, followed=False)
        number += 1

    with pinned():
        measure({"gate": step}, rounds=100)  # until the background is known
        timing = measure({"gate": step}, rounds=1000)["gate"]
    row: Row = {"": "gate", "median": timing.median_ms, "best": timing.best_ms}
    report("gate_time", "Milliseconds a frame", [row])


def encode(film: Film, path: Path) -> Path:
    """A file of the film, as noisy as a codec leaves it."""
    writer: cv2.VideoWriter | None = None
    for shot in film.shots():
        if writer is None:
            size = shot.picture.shape[1], shot.picture.shape[0]
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
        writer.write(shot.picture)
    assert writer is not None
    writer.release()
    return path


def line_costs(folder: Path, clip: Path, gate: str | None) -> tuple[dict[str, float], float]:
    """CPU time in ms per frame, by process, and the share of idle frames."""
    line = MeasuredLine(folder, bench_model(), {"uri": str(clip), "gate": gate})
    try:
        pids = line.pids()
        before = {name: cpu_ns(pid) for name, pid in pids.items()}
        messages = line.receive(_frames_of(clip) - 1)  # the line ends with the last one
        spent = {name: cpu_ns(pid) - before[name] for name, pid in pids.items()}
    finally:
        line.end()
    idle = sum(message.status == "idle" for message in messages)
    return {name: ns / 1e6 / len(messages) for name, ns in spent.items()}, idle / len(messages)


def _frames_of(clip: Path) -> int:
    with av.open(str(clip)) as container:
        return container.streams.video[0].frames


def test_gate_line_table(tmp_path: Path, shared: Path) -> None:
    """What the processes of a line take, with the gate and without."""
    (name, (empty, *_)), *_ = CLIPS.items()
    films: list[Film] = [
        DrawnStreet(28, LINE_STREET_S),
        ThinnedClip(shared / f"clips/{name}.mp4", empty, LINE_BUSY, LINE_CLIP),
    ]
    rows: list[Row] = []
    for film in films:
        clip = encode(film, tmp_path / f"{film.name}.mp4")
        for gate in (None, "motion"):
            costs, idle = line_costs(tmp_path / f"{film.name} {gate}", clip, gate)
            rest = sum(ms for name, ms in costs.items() if name not in ("detect", "preprocess"))
            rows.append({
                "film": film.name, "gate": gate or "-", "idle %": 100 * idle,
                "detect": costs["detect"], "preprocess": costs["preprocess"], "others": rest,
            })  # fmt: skip
    saved = [1 - float(on["detect"]) / float(off["detect"]) for off, on in pairs(rows)]
    notes = [f"of detect's time are saved: {', '.join(f'{100 * share:.0f} %' for share in saved)}"]
    report("gate_line", "CPU time in ms per frame of a file, by process", rows, notes)


def pairs(rows: list[Row]) -> list[tuple[Row, Row]]:
    """Without the gate and with it, of each film."""
    return list(zip(rows[::2], rows[1::2], strict=True))
