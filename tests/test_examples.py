"""Two runs of one commit try the same examples."""

import importlib
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import TIMES

_RARE = [918_273_645, 5_544_443_321, -7_771_117_771]


def _drawn() -> list[int]:
    found: list[int] = []

    @given(st.integers())
    def draw(number: int) -> None:
        found.append(number)

    draw()
    return found


@pytest.mark.skipif(TIMES > 0, reason="examples are drawn anew")
def test_examples_do_not_depend_on_what_was_imported_before(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short_dir / "rare_numbers.py").write_text(f"RARE = {_RARE}\n")
    before = _drawn()
    monkeypatch.syspath_prepend(short_dir)
    importlib.import_module("rare_numbers")
    assert _drawn() == before
    del sys.modules["rare_numbers"]
    assert len(set(before)) > 50
