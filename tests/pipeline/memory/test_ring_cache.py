from pathlib import Path

from pipeline.memory.ring_cache import RingCache
from tests.pipeline.frames import make_ref, make_ring


def test_the_ring_of_a_current_reference_is_found(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    ref = make_ref(0, slot=1, generation=ring.take(1))
    found = RingCache(tmp_path).find(ref)
    assert found is not None
    assert found.path == ring.path


def test_a_reference_whose_slot_has_moved_on_is_stale(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    rings = RingCache(tmp_path)
    ref = make_ref(0, slot=1, generation=ring.take(1))
    ring.take(1)
    assert rings.find(ref) is None


def test_a_new_epoch_makes_references_to_the_old_one_stale(tmp_path: Path) -> None:
    rings = RingCache(tmp_path)
    old, new = (make_ring(tmp_path, epoch=epoch) for epoch in (1, 2))
    of_old = make_ref(0, epoch=1, generation=old.take(0))
    assert rings.find(of_old) is not None
    assert rings.find(make_ref(1, epoch=2, generation=new.take(0))) is not None
    assert rings.find(of_old) is None


def test_cameras_have_rings_of_their_own(tmp_path: Path) -> None:
    rings = RingCache(tmp_path)
    for camera in (0, 1):
        ring = make_ring(tmp_path, camera=camera)
        found = rings.find(make_ref(0, camera=camera, generation=ring.take(0)))
        assert found is not None
        assert found.path == ring.path


def test_references_to_no_ring_and_to_no_slot_are_stale(tmp_path: Path) -> None:
    rings = RingCache(tmp_path)
    assert rings.find(make_ref(0, epoch=7)) is None
    make_ring(tmp_path, slots=4)
    assert rings.find(make_ref(0, slot=4)) is None
