"""A small fleet goes through all that a large one does."""

import json
from pathlib import Path

import pytest

from tests.fleet import simulation


@pytest.mark.slow
def test_a_small_fleet_loses_doubles_and_disorders_nothing(tmp_path: Path) -> None:
    size = ["--sites", "2", "--boards", "2", "--minutes", "0.5", "--outage", "5"]
    code = simulation.main([*size, "--out", str(tmp_path)])
    if code == simulation.REFUSED:
        pytest.skip("this machine permits no network name spaces, mounts or processes of root's")
    assert code == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["boards"] == 4
    assert sum(report["faults"].values()) > 3
    assert report["verdict"]["told"] == report["verdict"]["found"] > 100
