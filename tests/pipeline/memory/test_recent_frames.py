from pipeline.memory.recent_frames import RecentFrames
from tests.pipeline.frames import make_ref


def test_a_frame_is_found_by_camera_and_number_alone() -> None:
    recent = RecentFrames[str]()
    recent.put(make_ref(7, camera=1, slot=3, generation=4), "seven")
    assert recent.find(make_ref(7, camera=1, slot=0, generation=9)) == "seven"
    assert recent.find(make_ref(7, camera=0)) is None
    assert recent.find(make_ref(8, camera=1)) is None
    assert make_ref(7, camera=1) in recent
    assert make_ref(6, camera=1) not in recent


def test_the_oldest_frames_are_forgotten() -> None:
    recent = RecentFrames[int]()
    for frame in range(1000):
        recent.put(make_ref(frame), frame)
    kept = [frame for frame in range(1000) if make_ref(frame) in recent]
    assert kept == list(range(1000 - 64, 1000))


def test_each_camera_has_room_for_its_frames() -> None:
    recent = RecentFrames[int]()
    for frame in range(64):
        for camera in range(3):
            recent.put(make_ref(frame, camera=camera), frame)
    assert all(make_ref(0, camera=camera) in recent for camera in range(3))
