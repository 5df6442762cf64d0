"""The shipped models have names."""

from pathlib import Path

import pytest

from stages.config import SHIPPED_MODEL
from stages.model.model_file import read_model_metadata
from stages.model.zoo import DEFAULT, ZOO, find_model, is_shipped, shipped_path


def test_the_default_is_shipped() -> None:
    assert is_shipped(SHIPPED_MODEL)
    assert DEFAULT == SHIPPED_MODEL


@pytest.mark.parametrize("path", sorted(ZOO.glob("*.onnx")), ids=lambda path: path.stem)
def test_each_shipped_model_can_be_read_by_its_name(path: Path) -> None:
    assert read_model_metadata(shipped_path(path.stem)).labels


@pytest.mark.parametrize(
    "name", ["", "auto", "thundernet", f"{SHIPPED_MODEL}.onnx", "a\0b", "../x"]
)
def test_other_names_are_those_of_files(name: str) -> None:
    assert not is_shipped(name)


def test_a_name_leads_to_the_file_below_the_zoo() -> None:
    assert shipped_path(SHIPPED_MODEL) == ZOO / f"{SHIPPED_MODEL}.onnx"


def test_a_file_goes_before_a_shipped_model_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(DEFAULT) == str(shipped_path(DEFAULT))
    (tmp_path / DEFAULT).touch()
    assert find_model(DEFAULT) == DEFAULT
    assert find_model(tmp_path / "my.onnx") == f"{tmp_path}/my.onnx"
