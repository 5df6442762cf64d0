from pathlib import Path
from types import NoneType

import pytest

from pipeline.memory.frame_ref import NO_FRAME
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring
from pipeline.stage import BasicStage, Context, Frame, StatefulStage
from tests.pipeline.bodies import Note
from tests.pipeline.frames import GRAPH, LEFT, make_ref, make_ring, make_run


def test_a_context_holds_the_rows_of_its_process(tmp_path: Path) -> None:
    run = make_run(tmp_path, ("yard", "gate"))
    ledger = Ledger.create(tmp_path, 2, len(run.processes))
    process = next(process for process in run.processes if process.stage == "left")
    context = Context(run, process, ledger)
    assert context.run_dir == tmp_path
    context.heartbeat.start(4242)
    context.counters[1].finish(7, failed=False)
    assert ledger.process(process.index).pid == 4242
    assert ledger.counts(1, process.index).last_frame_id == 7
    everything = [ledger.counts(camera, p.index) for camera in (0, 1) for p in run.processes]
    assert sum(counts.frames for counts in everything) == 1
    assert sum(ledger.process(p.index).pid for p in run.processes) == 4242


def test_each_access_gives_the_same_rows(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    context = Context(run, run.processes[1], Ledger.create(tmp_path, 1, len(run.processes)))
    assert context.heartbeat is context.heartbeat
    assert context.counters is context.counters


def test_a_frame_gives_its_areas_times_and_body(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ref = make_ref(5, slot=2, generation=ring.take(2))
    ring.name(2, 5, pts_ns=17, unix_ns=19)
    ring.slots[2]["frame"][:] = 9
    frame = Frame(ref, Ring.attach(ring.path), Note(b"two cars"), "yard", "left: no")
    assert (frame["frame"] == 9).all()
    assert (frame.pts_ns, frame.captured_unix_ns) == (17, 19)
    assert (frame.body, frame.camera, frame.failure) == (Note(b"two cars"), "yard", "left: no")


def test_a_frame_knows_when_each_stage_was_done(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ref = make_ref(0, generation=ring.take(0))  # captured at 1000
    ring.stamps[0] = [1400, 1900, 800, 0]  # two of them are of the slot's last frame
    frame = Frame(ref, Ring.attach(ring.path), None, "yard")
    assert frame.stage_ns(2500, "side") == {"camera": 400, "left": 900, "side": 1500}
    assert GRAPH.names.index("left") == LEFT


def test_a_stage_without_hot_options_cannot_be_reconfigured() -> None:
    class Plain(BasicStage[None, None]):
        """Declares nothing."""

    with pytest.raises(NotImplementedError, match="Plain has hot options, and no reconfigure"):
        Plain().reconfigure(Plain.Options())


def test_a_stage_has_no_bodies_unless_it_declares_them() -> None:
    assert (BasicStage.consumes, BasicStage.produces) == (NoneType, NoneType)


def test_a_stage_with_state_must_say_how_it_recalls_a_frame() -> None:
    class Forgetful(StatefulStage[None, None]):
        def process(self, frame: Frame[None]) -> None:
            """Nothing to do."""

    class Careful(Forgetful):
        def recall(self, frame: Frame[None]) -> None:
            """Nothing to do."""

    with pytest.raises(TypeError, match="recall"):
        Forgetful()  # type: ignore[abstract]  # that is what is tested
    assert Careful().last_in_output(camera=0) == NO_FRAME
