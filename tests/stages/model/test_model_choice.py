import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.kernels.pixels import Pixels
from stages.model import model_choice, model_timing
from stages.model.detector import Detector, RoiScores
from stages.model.model_choice import (
    SUFFIX,
    Choice,
    choose_among,
    choose_model,
    pick,
    versions_of,
)
from stages.model.model_file import ModelFileError
from stages.model.model_timing import time_in_turns
from stages.model.zoo import ZOO, shipped_path
from tests.stages.model.test_model_file import CARD, field

CORE = max(os.sched_getaffinity(0))


def name_source(model: bytes, sha256: str = "", **recipe: object) -> bytes:
    """The model with a first card that says which file it was quantised from, and more."""
    card = {name: value for name, value in CARD.items() if name != "recipe"}
    card |= {"labels": ["person", "bicycle", "car"], "input_wh": [64, 64], "max_rois": 2}
    card["recipe"] = {"quantization": {"source_sha256": sha256}, **recipe}
    key, text = field(1, b"thunderline"), field(2, json.dumps(card).encode())
    return field(14, key + text) + model.replace(b"\x0bthunderline", b"\x0bthunderlies")


@pytest.fixture
def models(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A model with a version in 8 bits beside it, and a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plain, quantized = tmp_path / "tiny.onnx", tmp_path / "tiny-int8.onnx"
    shutil.copy(tiny_model, plain)
    data = plain.read_bytes()
    quantized.write_bytes(name_source(data, hashlib.sha256(data).hexdigest()))
    return str(plain), str(quantized)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands in for the measurement: each call is noted, and the last version is the fastest."""
    calls = []

    def measure(versions: list[str], threads: int, core: int) -> dict[str, float]:
        calls.append(versions)
        return {version: 10.0 / (1 + place) for place, version in enumerate(versions)}

    monkeypatch.setattr(model_choice, "measure", measure)
    return calls


def test_versions_lie_beside_the_model(models: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "tiny-other.onnx").touch()
    assert versions_of(models[0]) == list(models)


def test_a_version_of_other_weights_is_left_out(
    models: tuple[str, str], tmp_path: Path, tiny_model: Path
) -> None:
    old = tmp_path / "tiny-int8-old.onnx"
    old.write_bytes(name_source(tiny_model.read_bytes(), "ab" * 32))
    shutil.copy(tiny_model, tmp_path / "tiny-int8-unknown.onnx")
    assert versions_of(models[0]) == list(models)


@pytest.mark.parametrize(
    "name", [path.stem for path in ZOO.glob("*.onnx") if SUFFIX not in path.stem]
)
def test_each_shipped_model_has_its_shipped_version_in_8_bits(name: str) -> None:
    """They were quantised before their scores were written into the files."""
    plain = shipped_path(name)
    assert versions_of(str(plain))[1:] == [
        str(path) for path in sorted(ZOO.glob(f"{name}{SUFFIX}*.onnx"))
    ]
    assert len(versions_of(str(plain))) > 1


def test_fastest_version_is_chosen_and_the_reason_told(
    models: tuple[str, str], measured: list[list[str]]
) -> None:
    choice = choose_model(models[0], threads=1, core=0)
    assert choice.path == models[1]
    assert choice.reason.endswith("tiny.onnx 10.0 ms, tiny-int8.onnx 5.0 ms, measured now")


def test_a_second_start_measures_nothing(
    models: tuple[str, str], measured: list[list[str]]
) -> None:
    choose_model(models[0], threads=1, core=0)
    choice = choose_model(models[0], threads=1, core=0)
    assert len(measured) == 1
    assert choice.path == models[1]
    assert "measured before, kept in" in choice.reason


def test_other_weights_are_measured_again(
    models: tuple[str, str], measured: list[list[str]]
) -> None:
    choose_model(models[0], threads=1, core=0)
    with open(models[1], "ab") as file:
        file.write(b"\x12\x00")  # an empty field: the same model, another checksum
    choose_model(models[0], threads=1, core=0)
    assert len(measured) == 2


def test_another_machine_measures_again(
    models: tuple[str, str], measured: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_model(models[0], threads=1, core=0)
    monkeypatch.setattr(model_choice, "describe_processor", lambda: ["another"])
    choose_model(models[0], threads=1, core=0)
    assert len(measured) == 2


def test_another_number_of_threads_measures_again(
    models: tuple[str, str], measured: list[list[str]]
) -> None:
    choose_model(models[0], threads=1, core=0)
    choose_model(models[0], threads=2, core=0)
    assert len(measured) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ms": {"gone.onnx": 1.0}}'])
def test_a_damaged_cache_is_measured_again(
    models: tuple[str, str], measured: list[list[str]], tmp_path: Path, content: bytes
) -> None:
    choose_model(models[0], threads=1, core=0)
    (kept,) = (tmp_path / "cache/thunderline").iterdir()
    kept.write_bytes(content)
    choose_model(models[0], threads=1, core=0)
    assert len(measured) == 2
    assert json.loads(kept.read_text())["ms"][models[1]] == 5.0


def test_a_cache_that_cannot_be_written_hinders_nothing(
    models: tuple[str, str], measured: list[list[str]], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert choose_model(models[0], threads=1, core=0).path == models[1]


def test_eight_bits_have_to_gain_something() -> None:
    assert pick("a", {"a": 10.0, "a-int8": 9.8}) == "a"
    assert pick("a", {"a": 10.0, "a-int8": 9.0}) == "a-int8"
    assert pick("a", {"a": 10.0, "a-int8": 12.0}) == "a"


def test_a_model_without_versions_is_not_measured(
    tmp_path: Path, tiny_model: Path, measured: list[list[str]]
) -> None:
    path = str(shutil.copy(tiny_model, tmp_path / "alone.onnx"))
    choice = choose_model(path, threads=1, core=0)
    assert choice == Choice(path, f"{path}: no version in 8 bits was made of it")
    assert measured == []


def test_times_are_those_of_each_file(models: tuple[str, str]) -> None:
    ticks = itertools.count()
    found = time_in_turns(models, threads=1, rounds=2, clock=lambda: next(ticks) / 1000)
    assert set(found.values()) == {1.0}  # a tick for each
    found = time_in_turns(models, threads=1, rounds=2)
    assert found.keys() == set(models)
    assert min(found.values()) > 0


def test_measurement_runs_in_a_process_of_its_own(models: tuple[str, str]) -> None:
    code = (
        "import sys; from stages.model.model_choice import choose_model;"
        f"print(choose_model({models[0]!r}, 1, {CORE}).path);"
        "assert not {'onnxruntime', 'numpy', 'cv2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in models


def test_a_slow_board_makes_fewer_rounds(models: tuple[str, str]) -> None:
    asked = []

    class SlowDetector(Detector):
        def infer(self, tensor: Pixels) -> RoiScores:
            asked.append(self)
            return super().infer(tensor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_timing, "Detector", SlowDetector)
        found = time_in_turns(models, threads=1, enough_s=0.0)
    assert found.keys() == set(models)
    warm_up = len(models)
    assert len(asked) == warm_up + len(models) * 2 * model_timing.FEWEST_ROUNDS


def test_a_version_that_cannot_run_is_named_and_the_line_starts_in_float(
    models: tuple[str, str],
) -> None:
    with open(models[1], "r+b") as file:
        data = file.read().replace(b"ReduceMax", b"ReduceMix")
        file.seek(0)
        file.write(data)
    choice = choose_model(models[0], threads=1, core=CORE)
    assert choice.path == models[0]
    assert re.search(r"not measured.*tiny-int8\.onnx.*ReduceMix", choice.reason)


def test_a_measurement_that_takes_too_long_ends_in_float(
    models: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_choice, "TIMEOUT_S", 0.01)
    choice = choose_model(models[0], threads=1, core=CORE)
    assert choice.path == models[0]
    assert "to be measured within" in choice.reason


def test_a_damaged_version_is_none(models: tuple[str, str]) -> None:
    os.truncate(models[1], 100)
    choice = choose_model(models[0], threads=1, core=CORE)
    assert choice == Choice(models[0], f"{models[0]}: no version in 8 bits was made of it")


def state(path: Path, name: str, ap: float, images: int = 12) -> str:
    """A copy of a model that states an accuracy."""
    stated = path.with_name(f"{name}.onnx")
    scores = {"ap": ap, "ap50": ap + 20, "sources": {"yard": {"images": images, "ap": ap}}}
    stated.write_bytes(name_source(path.read_bytes(), published={"scores": scores}))
    return str(stated)


@pytest.fixture
def stated(models: tuple[str, str]) -> list[str]:
    """Three files, the most accurate first. `measured` says that they take 10, 5 and 3.3 ms."""
    return [state(Path(models[0]), name, ap) for name, ap in (("a", 50), ("b", 40), ("c", 45))]


@pytest.mark.parametrize(
    ("at_most_ms", "best"),
    [(100.0, 0), (10.0, 0), (9.9, 2), (4.0, 2), (1.0, 2)],  # b is worse and slower than c
)
def test_the_most_accurate_that_is_fast_enough(
    stated: list[str], measured: list[list[str]], at_most_ms: float, best: int
) -> None:
    choice = choose_among(stated, at_most_ms, threads=1, core=0)
    assert choice.path == stated[best]
    assert "a.onnx AP 50.0 10.0 ms, b.onnx AP 40.0 5.0 ms, c.onnx AP 45.0 3.3 ms" in choice.reason
    assert choice.is_slow == (at_most_ms == 1.0)
    assert ("and this is the fastest" in choice.reason) == choice.is_slow
    choose_among(stated, at_most_ms, threads=1, core=0)
    assert len(measured) == 1  # once for this machine


def test_of_equally_accurate_files_the_faster(
    models: tuple[str, str], measured: list[list[str]]
) -> None:
    equal = [state(Path(models[0]), name, 40.0) for name in ("a", "b")]
    assert choose_among(equal, 100.0, threads=1, core=0).path == equal[1]


def test_accuracies_that_cannot_be_compared_are_refused(
    models: tuple[str, str], stated: list[str], measured: list[list[str]], tmp_path: Path
) -> None:
    with pytest.raises(ModelFileError, match=r"got tiny\.onnx without; .*models\.publish"):
        choose_among([*stated, models[0]], 100.0, threads=1, core=0)
    other = state(Path(models[0]), "other", 60.0, images=7)
    with pytest.raises(ModelFileError, match=r"same images, got a\.onnx on yard 12; .*on yard 7"):
        choose_among([stated[0], other], 100.0, threads=1, core=0)
    with pytest.raises(ModelFileError, match=r"absent\.onnx"):
        choose_among([stated[0], str(tmp_path / "absent.onnx")], 100.0, threads=1, core=0)
    assert measured == []


def test_files_that_cannot_be_measured_leave_the_first(
    stated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_choice, "TIMEOUT_S", 0.01)
    choice = choose_among(stated, 100.0, threads=1, core=CORE)
    assert choice.path == stated[0]
    assert "not measured, so it is the first" in choice.reason
