"""A few kills of the campaign, and that it goes on where it was."""

import json
from pathlib import Path

import pytest

from tests.faults.clip_kills import TURNS, look, main


def test_no_clip_is_lost_and_every_film_plays_whatever_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--folder", str(tmp_path), "--kills", "10"]
    assert main(arguments) == 0, capsys.readouterr().out
    found = json.loads((tmp_path / TURNS).read_text())
    assert found["events"] > 0
    assert found["clips"] > 0
    assert found["late"] == []
    assert main(arguments) == 0
    assert (tmp_path / TURNS).read_text().count("\n") == 1, "nothing is done twice"
    # What it looks for is found where it is: a film that was damaged, and an event that is lost.
    folder = tmp_path / "turn"
    film = next((folder / "record").rglob("clips/[0-9]*.mp4"))
    film.write_bytes(film.read_bytes()[:200])
    for other in (folder / "record").rglob("clips/[0-9]*.json"):
        if other.stem != film.stem:
            other.unlink()
    found = look(folder)
    assert film.name in found["unplayable"]
    assert found["lost"]
