"""The table of candidates, made of random networks, drawn images and a film."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.candidates.command import main
from models.checkpoint import read_checkpoint, save_checkpoint
from models.evaluate.command import main as evaluate
from models.evaluate.protocol import BY_SOURCE, read_scores
from stages.model.model_file import read_model_metadata
from tests.models.random_network import make_network
from tests.models.tiny_film import write_film
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch


def write_checkpoint(path: Path, seed: int) -> Path:
    model = make_network(seed, input_size=128)
    meta: dict[str, Any] = {"model": msgspec.to_builtins(model.config), "recipe": {}}
    save_checkpoint(path, {"ema": model.state_dict(), "meta": meta})
    return path


def rows(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


@pytest.fixture
def checkpoints(tmp_path: Path) -> list[Path]:
    """A run's last one, and one that was kept."""
    return [
        write_checkpoint(tmp_path / "runs/first/last.pt", 1),
        write_checkpoint(tmp_path / "kept.pt", 2),
    ]


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    write_split(tmp_path, "val", 8)
    content = write_split(tmp_path, "other", 4, seed=1)
    assert content["annotations"]
    return ["--data", str(tmp_path / "val.json"), str(tmp_path / "other.json")]


def test_a_row_says_what_the_file_reaches(
    checkpoints: list[Path],
    data: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film, out = write_film(tmp_path / "film.avi", [0, 250, 120]), tmp_path / "out"
    more = ["--light", "low", "--clip", str(film), "--out", str(out)]
    assert main([*map(str, checkpoints), *data, *more]) == 0
    printed = capsys.readouterr()
    head, *body = rows(printed.out)
    assert head[0] == "weights"
    assert head[1] == "val, AP50 / AP"
    assert head[2] == "val, AP50 beyond the first's"
    assert head[5] == "other, AP50 / AP"
    assert head[9] == "val in low light, AP50 / AP"
    assert head[13] == "frames of film, a person / an animal / nothing"
    assert [row[0] for row in body] == ["first", "kept"]
    assert all(len(row) == len(head) for row in body)
    for name, row in zip(("first", "kept"), body, strict=True):
        assert "calibration" in read_checkpoint(out / name / "weights.pt")["meta"]
        assert read_model_metadata(out / name / "model.onnx").max_rois == 100
        # The command that everybody evaluates by says the same of the file.
        published = tmp_path / "published.json"
        options = ["--half", "choosing", "--light", "low", "--results", str(published)]
        arguments = [str(out / name / "model.onnx"), *data[:2], *options]
        monkeypatch.setattr("sys.argv", ["evaluate", *arguments])
        assert evaluate() == 0
        scores = read_scores(published, [BY_SOURCE])
        assert row[9] == f"{scores.ap50:.1f} / {scores.ap:.1f}"
    assert body[0][2] == "-"
    value, low, high = map(float, re.findall(r"[+-]\d+\.\d", body[1][2]))
    ap50 = [float(row[1].split(" / ")[0]) for row in body]
    assert value == pytest.approx(ap50[1] - ap50[0], abs=0.11)
    assert low <= value <= high


def test_what_is_measured_is_not_measured_again(
    checkpoints: list[Path], data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*data, "--out", str(tmp_path / "out")]
    assert main([str(checkpoints[1]), *arguments]) == 0
    before = capsys.readouterr().out
    folder = tmp_path / "out/kept"
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(times) == 8  # origin, two model files, weights; what is found in two sets, scores
    assert main([str(checkpoints[1]), *arguments]) == 0
    assert capsys.readouterr().out == before
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times
    # What one interruption has left away is made up for.
    (folder / "model.onnx").unlink()
    (folder / "other-choosing.json").unlink()
    (folder / "val-choosing-found.json").unlink()
    assert main([str(checkpoints[1]), *arguments]) == 0
    assert capsys.readouterr().out == before


def test_another_candidate_in_the_same_folder_is_refused(
    checkpoints: list[Path], data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(checkpoints[1]), *data, "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert main([*arguments, "--input-size", "160"]) == 1
    assert "remove it first" in capsys.readouterr().err
    write_checkpoint(checkpoints[1], 3)
    assert main(arguments) == 1
    assert "remove it first" in capsys.readouterr().err


def test_another_film_of_the_same_name_is_counted(
    checkpoints: list[Path], data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").mkdir()
    films = [
        write_film(tmp_path / "film.avi", [0, 0, 0]),
        write_film(tmp_path / "b/film.avi", [250, 0, 120, 0, 0]),
    ]
    for film, frames in zip(films, (3, 5), strict=True):
        arguments = [*data, "--clip", str(film), "--out", str(tmp_path / "out")]
        assert main([str(checkpoints[1]), *arguments]) == 0
        row = rows(capsys.readouterr().out)[1]
        persons, animals, nothing = map(int, row[-1].split(" / "))
        assert max(persons, animals, nothing) <= frames <= persons + animals + nothing
    counts = sorted(path.name for path in (tmp_path / "out/kept").glob("clip-film-*.json"))
    assert len(counts) == 2


def test_missing_images_are_told_each_time_and_their_return_is_noticed(
    checkpoints: list[Path], data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard = tmp_path / "val-01.tar"
    shard.rename(tmp_path / "elsewhere")
    arguments = [str(checkpoints[1]), *data[:2], "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert main(arguments) == 0
    second = capsys.readouterr().out
    assert "data: missing image" in second
    assert rows(second) == rows(first)
    (tmp_path / "elsewhere").rename(shard)
    assert main(arguments) == 1
    assert "remove it first" in capsys.readouterr().err


def test_bad_requests_are_one_line(
    checkpoints: list[Path], data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    same = write_checkpoint(tmp_path / "runs/kept/last.pt", 4)
    for arguments, expected in (
        ([str(checkpoints[1]), str(same), *data], "expected different names, got two of kept"),
        ([str(same), "--data", data[1], data[1]], "expected different names, got two of val"),
        ([str(tmp_path / "none.pt"), *data], "none.pt"),
        ([str(same), *data, "--input-size", "100"], "expected a multiple of 32"),
        ([data[1], "--data", data[1]], "not readable"),
        ([str(same), *data, "--clip", str(tmp_path / "none.mp4")], "found no such file"),
    ):
        assert main([*arguments, *out]) == 1
        error = capsys.readouterr().err
        assert "candidates: " in error
        assert expected in error
        assert "Traceback" not in error
        assert not (tmp_path / "out").exists(), "nothing was begun"
