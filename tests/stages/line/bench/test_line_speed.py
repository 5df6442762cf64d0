"""A whole line that is watched while it runs, in a process of its own."""

from pathlib import Path

import msgspec
import pytest

from pipeline.errors import LineError
from stages.line.bench.child import ask
from stages.line.bench.line_speed import LineSpeed
from tests.clips import make_clip

_MODULE = "stages.line.bench.line_speed"


def write_config(folder: Path, model: Path, *sources: dict[str, object]) -> Path:
    config = folder / "line.yaml"
    content = {
        "sources": sources, "model": str(model), "log": "ERROR",
        "publish": {"endpoint": f"ipc://{folder}/pub"},
    }  # fmt: skip
    config.write_bytes(msgspec.json.encode(content))
    return config


def test_results_drops_and_memory_of_each_camera_are_counted(
    short_dir: Path, tiny_model: Path
) -> None:
    clip = make_clip(short_dir / "clip.avi", 25)
    source = {"uri": str(clip), "loop": True, "live": True, "realtime": True, "fps": 5.0}
    config = write_config(short_dir, tiny_model, source, source)
    speed = ask(LineSpeed, _MODULE, config, 2.0, timeout_s=120)
    assert speed.seconds >= 2.0
    assert len(speed.results) == 2
    # Not more than was asked for: a busy machine may give fewer.
    assert 0 < min(speed.results) <= max(speed.results) <= 5 * speed.seconds + 2
    assert speed.age_p50_ms is not None
    assert speed.age_p99_ms is not None
    assert 0 < speed.age_p50_ms <= speed.age_p99_ms
    assert {"capture", "preprocess", "detect", "postprocess", "track", "publish"} == set(
        speed.cpu_ms
    )
    assert 20 < speed.memory_mib < 2000


def test_a_line_that_is_refused_says_why(short_dir: Path, tiny_model: Path) -> None:
    config = write_config(short_dir, tiny_model, {"uri": str(short_dir / "gone.mp4")})
    with pytest.raises(LineError):
        ask(LineSpeed, _MODULE, config, 1.0, timeout_s=120)
