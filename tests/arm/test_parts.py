"""Parts that pass, fail, and are not run twice, with a Python of this machine in place of ARM's."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pipeline.realtime import adopt_orphans
from tests.arm import parts as module
from tests.arm.difference import Difference
from tests.arm.model_files import draw_frames, keep_frames
from tests.arm.parts import Failed, Part, compare_models, hash_sources, judge, parts, run_parts
from tests.arm.root import ArmPython
from tests.running_line import REPOSITORY


class ThisPython:
    """Runs what ARM's would."""

    def run(self, name: str, arguments: Sequence[str], **variables: str) -> int:
        command = [sys.executable, "-m", name, *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, check=False, preexec_fn=adopt_orphans)
        return done.returncode


PYTHON = cast(ArmPython, ThisPython())


class Asked:
    """Notes what it is asked to run."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def run(self, name: str, arguments: Sequence[str], **variables: str) -> int:
        self.paths += [each for each in arguments if each.endswith(".py")]
        return 0


def test_each_part_has_a_name_and_tests_that_are_there(tmp_path: Path) -> None:
    asked = Asked()
    for part in parts(tmp_path)[:4]:
        part.run(cast(ArmPython, asked))
    assert len(asked.paths) > 20
    assert all((REPOSITORY / path).is_file() for path in asked.paths)
    names = [part.name for part in parts(tmp_path)]
    assert len(names) == len(set(names))
    assert {"kernels", "memory", "model files", "line, thundernet-snet49-street11"} <= set(names)


def test_a_part_that_has_passed_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    passed = tmp_path / "passed.json"

    def part(name: str) -> Part:
        def run(python: ArmPython) -> str:
            ran.append(name)
            if name == "bad":
                raise Failed("is not right")
            return "fine"

        return Part(name, run)

    def run(*names: str, again: bool = False) -> list[str]:
        return list(run_parts(PYTHON, [part(name) for name in names], passed, again=again))

    with pytest.raises(Failed, match="bad: is not right"):
        run("one", "bad", "two")
    assert ran == ["one", "bad"]
    assert run("one", "two")[0] == "one: passed before: fine"
    assert ran == ["one", "bad", "two"]
    run("one", again=True)
    assert ran[3:] == ["one"]
    passed.write_text("damaged")
    run("one")
    monkeypatch.setattr(module, "hash_sources", lambda: "other sources")
    run("one")
    assert ran[4:] == ["one", "one"]


def test_sources_are_told_apart_by_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "constraints.txt").write_text("a==1")
    source = tmp_path / "stages/a.py"
    hashes = set()
    for text in ("a = 1", "a = 2"):
        source.write_text(text)
        hashes.add(hash_sources(tmp_path))
    source.rename(tmp_path / "stages/b.py")
    hashes.add(hash_sources(tmp_path))
    assert len(hashes) == 3


def test_a_model_file_finds_the_same_in_the_same_frames(tmp_path: Path) -> None:
    model = REPOSITORY / "models/zoo/thundernet-snet49-street11.onnx"
    said = compare_models(PYTHON, tmp_path, [model])
    assert "0 found by one alone, boxes within 0 px, scores within 0" in said


def test_a_line_finds_the_same_in_the_same_frames(tmp_path: Path) -> None:
    by_name = {part.name: part for part in parts(tmp_path)}
    said = by_name["line, thundernet-snet49-street11"].run(PYTHON)
    assert "in 6 frames, 0 found by one alone, boxes within 0 px, scores within 0" in said


def test_frames_are_kept_as_they_are(tmp_path: Path) -> None:
    frames = draw_frames()
    keep_frames(frames, tmp_path / "frames.npz")
    with np.load(tmp_path / "frames.npz") as archive:
        kept: list[Any] = [archive[f"arr_{number}"] for number in range(len(archive))]
    assert all((one == other).all() for one, other in zip(frames, kept, strict=True))
    assert not (frames[0] == frames[1]).all()


@pytest.mark.parametrize(
    "difference",
    [
        Difference(5, 9, 1, 0.0, 0.0),
        Difference(5, 9, 0, 9.0, 0.0),
        Difference(5, 9, 0, 0.0, 0.2),
        Difference(5, 0, 0, 0.0, 0.0),  # nothing at all shows nothing
    ],
)
def test_what_arithmetic_does_not_explain_fails(difference: Difference) -> None:
    with pytest.raises(Failed, match=r"model: .* expected objects"):
        judge("model", difference)


def test_eight_bits_may_differ_by_more() -> None:
    difference = Difference(5, 9, 0, 1.5, 0.02)
    assert judge("model-int8", difference).startswith("model-int8: 9 objects in 5 frames")
    with pytest.raises(Failed):
        judge("model", difference)
