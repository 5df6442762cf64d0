from pathlib import Path

import msgspec
import pytest

from pipeline.memory import bottleneck as bottleneck_module
from pipeline.memory.bottleneck import Bottleneck
from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import Ledger
from pipeline.memory.roster import Roster
from pipeline.topology import RunSpec
from tests.pipeline.frames import make_run

CAMERA, LEFT, RIGHT, SIDE = range(4)  # processes
S = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_s = 500.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bottleneck_module, "time", clock)
    return clock


@pytest.fixture
def run(tmp_path: Path) -> RunSpec:
    """The camera and `side` share core 0; `left` and `right` have a core each."""
    run = make_run(tmp_path, ("yard",))
    cores = (0, 1, 2, 0)
    processes = (
        msgspec.structs.replace(process, core=core)
        for process, core in zip(run.processes, cores, strict=True)
    )
    return msgspec.structs.replace(run, processes=tuple(processes))


@pytest.fixture
def ledger(run: RunSpec) -> Ledger:
    return Ledger.create(Path(run.run_dir), len(run.cameras), len(run.processes))


def spend(ledger: Ledger, **seconds: float) -> None:
    for name, busy_s in seconds.items():
        process = ("camera", "left", "right", "side").index(name)
        ledger.counters(0, process).spend(int(busy_s * S))


def test_the_core_that_is_busy_nearly_all_the_time_is_the_bottleneck(
    run: RunSpec, ledger: Ledger, clock: Clock
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    spend(ledger, camera=2.0, side=3.0, left=9.7, right=1.0)
    clock.now_s += 10.0
    assert bottleneck.of_run() == "bottleneck: core 1, busy for 97 % of the time with left"


def test_the_time_that_a_line_takes_to_start_does_not_count(
    run: RunSpec, ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    clock.now_s += 10.0
    monkeypatch.setattr("pipeline.memory.heartbeat.monotonic_ns", lambda: int(clock.now_s * S))
    ledger.heartbeat(LEFT, 1.0).ready()
    spend(ledger, left=4.0)
    clock.now_s += 5.0
    ledger.heartbeat(RIGHT, 1.0).ready()
    clock.now_s += 5.0
    assert bottleneck.of_run() == "busiest: core 1, busy for 40 % of the time with left"


def test_of_a_shared_core_the_busiest_stage_is_named(
    run: RunSpec, ledger: Ledger, clock: Clock
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    spend(ledger, camera=6.1, side=3.2, left=8.0)
    clock.now_s += 10.0
    assert bottleneck.of_run() == (
        "bottleneck: core 0, busy for 93 % of the time, 61 % with camera.yard"
    )


def test_where_no_core_is_full_the_busiest_is_told(
    run: RunSpec, ledger: Ledger, clock: Clock
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    spend(ledger, right=4.0)
    clock.now_s += 10.0
    assert bottleneck.of_run() == "busiest: core 2, busy for 40 % of the time with right"


def test_stages_that_wait_for_each_other_fill_no_more_than_their_core(
    run: RunSpec, ledger: Ledger, clock: Clock
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    spend(ledger, camera=9.0, side=12.0)
    clock.now_s += 10.0
    assert bottleneck.of_run() == "bottleneck: core 0, busy for 100 % of the time, 100 % with side"


def test_between_two_looks_it_is_told_only_where_frames_were_dropped(
    run: RunSpec, ledger: Ledger, clock: Clock
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    spend(ledger, left=10.0)
    clock.now_s += 10.0
    assert bottleneck.of_drops() == ""
    ledger.counters(0, RIGHT).drop(DropReason.NEWEST_WINS)
    spend(ledger, right=9.5)
    clock.now_s += 10.0
    assert bottleneck.of_drops() == "bottleneck: core 2, busy for 95 % of the time with right"
    clock.now_s += 10.0
    assert bottleneck.of_drops() == ""


def test_a_frame_that_is_only_missing_from_a_recording_is_no_drop(
    run: RunSpec, ledger: Ledger, clock: Clock
) -> None:
    bottleneck = Bottleneck(Roster(run), ledger)
    ledger.counters(0, SIDE).drop(DropReason.NOT_RECORDED)
    assert bottleneck.of_drops() == ""
