"""Times of one core."""

from pathlib import Path

from stages.line.bench.core_speed import _read_through, measure_core
from tests.clips import make_clip


def test_each_frame_of_the_clip_is_decoded(tmp_path: Path) -> None:
    assert _read_through(str(make_clip(tmp_path / "clip.avi", 7))) == 7


def test_decoding_and_each_network_take_time(tmp_path: Path, tiny_model: Path) -> None:
    small = make_clip(tmp_path / "small.avi", 5)
    large = make_clip(tmp_path / "large.avi", 5, size=(1280, 720))
    speed = measure_core(str(small), [str(tiny_model)], seconds=0.4)
    slower = measure_core(str(large), [str(tiny_model)], seconds=0.4)
    assert speed.network_ms.keys() == {str(tiny_model)}
    assert min(speed.network_ms.values()) > 0
    assert 0 < speed.decode_ms < slower.decode_ms
    assert 0 < speed.share <= 1
