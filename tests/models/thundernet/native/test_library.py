from pathlib import Path

import pytest
import torch

from models.thundernet.native.library import Library, cache_folder

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
