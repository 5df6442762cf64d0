import os
import subprocess
from pathlib import Path

import pytest
import torch

from models.thundernet.native.library import FLAGS, SOURCES, Library, cache_folder

pytestmark = pytest.mark.torch


def test_denormal_numbers_survive() -> None:
    smallest_normal = torch.tensor(torch.finfo(torch.float32).tiny)
    assert smallest_normal / 2 > 0


def test_missing_compiler_gives_its_reason_and_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler")
    broken = Library()
    assert broken.load() is None
    assert "no-such-compiler" in broken.reason
    assert not broken.serves(torch.zeros(1))


def test_failing_compiler_gives_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "false")
    broken = Library()
    assert broken.load() is None
    assert broken.reason
    assert not list(cache_folder().glob("*.so"))


def test_what_is_for_other_processors_compiles(tmp_path: Path) -> None:
    """Kernels for the matrix unit are compiled away where there is none, mistakes included."""
    command = [
        os.environ.get("CC", "cc"),
        *FLAGS,
        "-march=sapphirerapids",
        "-Wall",
        "-Werror",
        "-c",
    ]
    (tmp_path / "empty.c").touch()
    known = subprocess.run(
        [*command, str(tmp_path / "empty.c"), "-o", str(tmp_path / "empty.o")],
        capture_output=True, check=False,
    )  # fmt: skip
    if known.returncode:
        pytest.skip("the compiler knows no processor with a matrix unit")
    for source in SOURCES:
        made = tmp_path / f"{source.stem}.o"
        done = subprocess.run(
            [*command, str(source), "-o", str(made)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), source.name
    assert b"pointwise_backward" in (tmp_path / "pointwise.o").read_bytes()
