"""Copies of frames: whole ones only, whatever capture does meanwhile."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.memory.frame_view import FrameCopy, FrameView
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_layout import AreaSpec, RingLayout
from tests.pipeline.frames import GRAPH, make_ref, make_ring, make_run
from tests.running_line import wait_until

AREAS = ("frame",)


@pytest.fixture
def view(tmp_path: Path) -> FrameView:
    run = make_run(tmp_path)
    ledger = Ledger.create(tmp_path, 1, len(run.processes))
    view = FrameView(run)
    ledger.camera_writer(0).begin_epoch(1, (5, 3))
    return view


def send(ring: Ring, slot: int, frame_id: int) -> None:
    """What capture does with a frame: its number is its grey."""
    generation = ring.take(slot)
    ring.slots[slot]["frame"][:] = frame_id
    ring.name(slot, frame_id, 0, 0)
    ring.release(make_ref(frame_id, slot=slot, generation=generation), 0)


def test_a_frame_is_found_by_its_number_and_the_newest_without(
    view: FrameView, tmp_path: Path
) -> None:
    ring = make_ring(tmp_path)
    for frame_id, slot in enumerate((2, 0, 3), start=7):
        send(ring, slot, frame_id)
    for frame_id in (7, 8, 9):
        copy = view.copy_frame("yard", frame_id, AREAS)
        assert copy is not None
        assert (copy.epoch, copy.frame_id) == (1, frame_id)
        assert (copy.areas["frame"] == frame_id).all()
        assert set(copy.areas) == set(AREAS)
    newest = view.copy_newest("yard", AREAS)
    assert newest is not None
    assert newest.frame_id == 9
    assert view.copy_frame("yard", 6, AREAS) is None


def test_a_copy_stays_as_it_was(view: FrameView, tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    send(ring, 1, 7)
    copy = view.copy_frame("yard", 7, AREAS)
    send(ring, 1, 8)
    assert copy is not None
    assert (copy.areas["frame"] == 7).all()
    assert view.copy_frame("yard", 7, AREAS) is None


def test_a_frame_that_is_not_complete_is_not_seen(view: FrameView, tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    assert view.copy_newest("yard", AREAS) is None, "nothing was captured"
    send(ring, 0, 7)
    ring.take(1)
    ring.name(1, 8, 0, 0)
    newest = view.copy_newest("yard", AREAS)
    assert newest is not None
    assert newest.frame_id == 7, "frame 8 is named and not sent"
    ring.take(0)
    assert view.copy_newest("yard", AREAS) is None, "frame 7 is being replaced"


def test_a_camera_without_a_ring_shows_nothing(view: FrameView, tmp_path: Path) -> None:
    assert view.copy_newest("yard", AREAS) is None
    ring = make_ring(tmp_path, epoch=2)  # not begun yet, as the ledger says
    send(ring, 0, 7)
    assert view.copy_newest("yard", AREAS) is None


def test_the_ring_is_mapped_read_only(tmp_path: Path) -> None:
    make_ring(tmp_path)
    ring = Ring.attach(ring_path(tmp_path, 0, 1), read_only=True)
    with pytest.raises(ValueError, match="read-only"):
        ring.slots[0]["frame"][:] = 1
    with pytest.raises(TypeError, match="read-only"):
        ring.take(0)


def test_no_copy_is_torn_while_frames_are_written(view: FrameView, tmp_path: Path) -> None:
    areas = {"frame": AreaSpec((720, 1280), "u1"), "format": AreaSpec((4,), "i4")}
    layout = RingLayout(2, areas, GRAPH.names, GRAPH.branches)
    ring = Ring.create(ring_path(tmp_path, 0, 1), layout)
    ended = threading.Event()

    def capture() -> None:
        frame_id = 0
        while not ended.is_set():
            slot = frame_id % 2
            generation = ring.take(slot)
            ring.slots[slot]["frame"][:] = frame_id % 251
            ring.slots[slot]["format"][:] = frame_id
            ring.name(slot, frame_id, 0, 0)
            ring.release(make_ref(frame_id, slot=slot, generation=generation), 0)
            frame_id += 1
            if frame_id % 10 == 0:
                time.sleep(0.002)  # a breath, in which a copy can be made

    whole: list[FrameCopy] = []

    def has_enough() -> bool:
        copy = view.copy_newest("yard", ("frame", "format"))
        if copy is not None:
            whole.append(copy)
        return len(whole) == 100

    thread = threading.Thread(target=capture)
    thread.start()
    try:
        wait_until(has_enough, "there are copies", pause_s=0.0)
    finally:
        ended.set()
        thread.join()
    for copy in whole:
        assert (copy.areas["frame"] == copy.frame_id % 251).all()
        assert np.unique(copy.areas["format"]).tolist() == [copy.frame_id]
