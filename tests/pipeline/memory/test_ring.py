import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_layout import AreaSpec
from pipeline.memory.space import ShmSpaceError
from tests.pipeline.frames import (
    LEFT,
    RIGHT,
    SIDE,
    make_layout,
    make_live_ring,
    make_ref,
    make_ring,
)


def test_a_ring_is_the_same_where_it_was_created_and_where_it_is_attached(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    reader = Ring.attach(ring.path)
    assert reader.layout.to_header() == ring.layout.to_header()
    ring.slots[3]["frame"][:] = 7
    ring.slots[3]["scores"][:] = 0.5
    assert (reader.slots[3]["frame"] == 7).all()
    assert (reader.slots[3]["scores"] == 0.5).all()
    assert reader.slots[3]["frame"].shape == (3, 5, 3)
    assert not reader.slots[2]["frame"].any()


def test_areas_of_a_slot_do_not_overlap(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    areas = [area for slot in ring.slots for area in slot.values()]
    tables = [ring.generation, ring.times, ring.released, ring.stamps]
    for number, area in enumerate([*areas, *tables], start=1):
        area[...] = number
    for number, area in enumerate([*areas, *tables], start=1):
        assert (area == number).all()


def test_a_new_ring_is_free(tmp_path: Path) -> None:
    assert make_ring(tmp_path).free_slots() == [0, 1, 2, 3]


def test_taking_a_slot_makes_every_reference_to_it_stale(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ref = make_ref(0, slot=1, generation=ring.take(1))
    assert ring.is_current(ref)
    ring.take(1)
    assert not ring.is_current(ref)


def test_a_slot_is_free_when_each_branch_has_released_it(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ref = make_ref(0, slot=2, generation=ring.take(2))
    assert ring.free_slots() == [0, 1, 3]
    ring.release(ref, RIGHT)
    assert ring.free_slots() == [0, 1, 3]  # the other branch still needs it
    ring.release(ref, SIDE)
    assert ring.free_slots() == [0, 1, 2, 3]


def test_a_stage_that_gives_a_frame_up_frees_it_for_all_branches_behind_it(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ring.release(make_ref(0, slot=0, generation=ring.take(0)), LEFT)
    assert 0 in ring.free_slots()


def test_releasing_an_earlier_frame_does_not_free_the_slot(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    earlier = make_ref(0, slot=0, generation=ring.take(0))
    ring.take(0)
    for column in (RIGHT, SIDE):
        ring.release(earlier, column)
    assert 0 not in ring.free_slots()


def test_slots_that_are_sent_and_not_free_are_under_way(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    sent, read, done = (make_ref(i, slot=i, generation=ring.take(i)) for i in range(3))
    ring.release(sent, 0)
    ring.release(done, 0)
    ring.release(done, LEFT)
    assert ring.is_current(read)
    assert ring.sent_slots() == [0]


def test_what_a_stage_has_finished_or_dropped_stays_so_when_it_is_sent_again(
    tmp_path: Path,
) -> None:
    ring = make_live_ring(tmp_path)
    finished, dropped = (make_ref(i, slot=i, generation=ring.take(i)) for i in (2, 3))
    ring.finish(finished, LEFT)
    ring.drop(dropped, LEFT)
    for ref in (finished, dropped):
        ring.take(ref.slot)
    assert ring.is_finished(2, LEFT, frame_id=2, last_frame_id=3)
    assert not ring.is_finished(2, RIGHT, frame_id=2, last_frame_id=3), "another stage"
    assert not ring.is_finished(3, LEFT, frame_id=3, last_frame_id=3), "it was dropped"
    assert ring.is_dropped(dropped, LEFT)
    assert not ring.is_dropped(dropped, RIGHT)
    assert not ring.is_dropped(finished, LEFT)


def test_the_next_frame_of_a_slot_is_neither_finished_nor_dropped(tmp_path: Path) -> None:
    ring = make_live_ring(tmp_path)
    for frame_id in (0, 4):
        ref = make_ref(frame_id, slot=0, generation=ring.take(0))
        assert not ring.is_finished(0, LEFT, frame_id, last_frame_id=9)
        assert not ring.is_dropped(ref, LEFT)
        ring.finish(ref, LEFT)
        ring.drop(ref, LEFT)


def test_a_stage_that_drops_a_frame_releases_it(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ring.drop(make_ref(0, slot=0, generation=ring.take(0)), LEFT)
    assert 0 in ring.free_slots()


def test_a_frame_that_is_not_counted_is_not_finished(tmp_path: Path) -> None:
    ring = make_live_ring(tmp_path)
    ring.finish(make_ref(2, slot=2), LEFT)
    assert not ring.is_finished(2, LEFT, frame_id=2, last_frame_id=1)


def test_frames_of_a_lossless_source_are_finished_up_to_the_last(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    assert ring.is_finished(0, LEFT, frame_id=4, last_frame_id=4)
    assert not ring.is_finished(0, LEFT, frame_id=5, last_frame_id=4)


def test_a_ring_survives_its_creator(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.pipeline.frames import *;"
        "ring = make_ring(Path(sys.argv[1])); ring.take(1); ring.slots[1]['frame'][:] = 9;"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    ring = Ring.attach(ring_path(tmp_path, 0, 1))
    assert (ring.slots[1]["frame"] == 9).all()
    assert ring.free_slots() == [0, 2, 3]


def test_an_unlinked_ring_stays_where_it_is_mapped(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    reader = Ring.attach(ring.path)
    ring.unlink()
    ring.slots[0]["frame"][:] = 3
    assert (reader.slots[0]["frame"] == 3).all()
    with pytest.raises(FileNotFoundError):
        Ring.attach(ring.path)


def test_a_refused_ring_leaves_no_file(tmp_path: Path) -> None:
    layout = make_layout()._replace(areas={"frame": AreaSpec((2**45,), "u1")})
    with pytest.raises(ShmSpaceError):
        Ring.create(tmp_path / "ring", layout)
    assert not (tmp_path / "ring").exists()


def test_memory_is_reserved_when_the_ring_is_made(tmp_path: Path) -> None:
    """A later write must not meet a full file system, which would be a bus error."""
    ring = make_ring(tmp_path, slots=64)
    assert ring.path.stat().st_blocks * 512 >= ring.layout.total_bytes


def reserved_bytes(ring: Ring) -> int:
    return ring.path.stat().st_blocks * 512


def test_a_ring_that_begins_small_has_memory_for_each_slot_that_was_asked_for(
    tmp_path: Path,
) -> None:
    layout = make_layout(64)._replace(areas={"frame": AreaSpec((1 << 16,), "u1")})
    ring = Ring.create(tmp_path / "ring", layout, reserved=2)
    for slots, asked in ((2, 1), (6, 5), (6, 3), (64, 63)):
        ring.reserve(asked)
        ends = [layout.first_slot + n * layout.slot_bytes for n in (slots, slots + 1)]
        assert ends[0] <= reserved_bytes(ring) < ends[1]
    assert len(Ring.attach(ring.path).slots) == 64


def test_a_slot_for_which_there_is_no_memory_is_refused_until_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ring = Ring.create(tmp_path / "ring", make_layout(8), reserved=2)
    before = reserved_bytes(ring)
    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", refuse)
        for _ in range(2):
            with pytest.raises(ShmSpaceError, match="No space left"):
                ring.reserve(2)
    assert reserved_bytes(ring) == before
    ring.reserve(2)
    assert reserved_bytes(ring) >= before + ring.layout.slot_bytes


def test_what_a_slot_needs_leaves_room_for_the_rest_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring.create(tmp_path / "ring", make_layout(8), reserved=2)
    asked = list[int]()
    monkeypatch.setattr("pipeline.memory.ring.check_space", lambda _, wanted: asked.append(wanted))
    ring.reserve(1)
    ring.reserve(4)
    assert asked == [3 * ring.layout.slot_bytes]


def test_references_count_beyond_32_bits(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ring.generation[0] = np.uint64(2**40)
    generation = ring.take(0)
    assert generation == 2**40 + 1
    assert ring.is_current(make_ref(0, generation=generation))
