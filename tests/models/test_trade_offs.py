"""The table of what deployed settings cost, made of a random network and two drawn images."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.checkpoint import save_checkpoint
from models.trade_offs import HEADER, main
from tests.models.random_network import make_network
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    model = make_network(input_size=128)
    meta: dict[str, Any] = {"model": msgspec.to_builtins(model.config)}
    save_checkpoint(tmp_path / "last.pt", {"ema": model.state_dict(), "meta": meta})
    return tmp_path / "last.pt"


def rows(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_every_setting_has_a_row_per_way_to_suppress(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_split(tmp_path, "val", 2)
    arguments = ["--boxes", "200", "--rois", "40", "10", "--cut", "0", "0.9"]
    arguments += ["--sigma", "0.5", "0.1"]
    assert main([str(checkpoint), "--data", str(tmp_path / "val.json"), *arguments]) == 0
    head, *body = rows(capsys.readouterr().out)
    assert head == rows(HEADER)[0]
    settings = [("40", "none"), ("40", "0.9"), ("10", "none"), ("10", "0.9")]
    ways = ("linear", "gaussian 0.5", "gaussian 0.1", "hard")
    assert [tuple(row[1:4]) for row in body] == [(r, c, w) for r, c in settings for w in ways]
    found = {tuple(row[1:3]): float(row[6]) for row in body}
    assert found["40", "none"] > found["10", "none"] == 10
    assert all(float(cell) > 0 for row in body for cell in row[7:]), "times"


def test_what_is_missing_is_said(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path / "none.json")]
    assert main([str(checkpoint), *data]) == 1
    assert "trade_offs: " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(checkpoint), *data, "--cut", "1"])
    assert "expected 0 to below 1, got 1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(checkpoint), *data, "--sigma", "0"])
    assert "expected a number above 0, got 0" in capsys.readouterr().err
