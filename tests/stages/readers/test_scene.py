import numpy as np

from pipeline.source import EndOfSource
from stages.kernels.picture import Picture, bgr_format
from stages.readers.scene import SceneReader

URI = "scene://street?seed=3&width=160&height=120&fps=10&seconds=0.5"


def read_all(first_frame: int) -> list[tuple[int, np.ndarray]]:
    reader = SceneReader(URI)
    assert reader.open(first_frame) == bgr_format(160, 120)
    found = []
    try:
        while True:
            picture = Picture(bgr_format(160, 120), np.empty(160 * 120 * 3, np.uint8))
            found.append((reader.read(picture).pts_ns, picture.bgr))
    except EndOfSource:
        reader.close()
        return found


def test_a_scene_lasts_as_long_as_its_address_says() -> None:
    assert [pts_ns for pts_ns, _ in read_all(0)] == [i * 100_000_000 for i in range(5)]


def test_the_same_address_gives_the_same_pixels_from_any_frame_on() -> None:
    for (pts_ns, frame), (again_pts_ns, again) in zip(read_all(0)[2:], read_all(2), strict=True):
        assert pts_ns == again_pts_ns
        assert np.array_equal(frame, again)
