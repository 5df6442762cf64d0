from functools import cache
from pathlib import Path

import pytest

from models.complexity.command import (
    CONFIGS,
    Complexity,
    format_row,
    main,
    measure_row,
)
from models.complexity.paper_row import PaperRow, load_row

pytestmark = pytest.mark.torch

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "complexity.md"
EXPLAINED = 0.01  # differences above this part are explained in the documentation
PINNED = {  # millions of multiply-accumulates, millions of parameters
    "table1-snet146-126": (148.4, 1.46),
    "table1-snet146": (161.1, 1.57),
    "table1-snet49": (51.2, 0.88),
    "table1-snet535": (535.4, 4.54),
    "table2-snet146-126": (462.3, 1.71),
    "table2-snet146": (490.0, 1.81),
    "table2-snet49": (251.2, 1.09),
    "table2-snet535": (1287.0, 4.59),
    "table3-snet146-126": (474.6, 1.77),
    "table3-snet146": (502.3, 1.87),
    "table3-snet49": (263.5, 1.15),
    "table3-snet535": (1299.3, 4.65),
    "table4-snet146-126-224": (267.1, 1.77),
    "table4-snet146-126-320": (474.6, 1.77),
    "table4-snet146-224": (280.7, 1.87),
    "table4-snet146-320": (502.3, 1.87),
    "table4-snet49-320": (263.5, 1.15),
    "table4-snet49-480": (508.1, 1.15),
    "table4-snet535-128": (264.9, 4.65),
    "table4-snet535-192": (511.1, 4.65),
    "table5-a": (148.4, 1.46),
    "table5-b": (144.5, 1.45),
    "table5-c": (145.7, 1.44),
    "table5-d": (148.1, 2.28),
    "table5-e": (51.2, 0.88),
    "table5-f": (49.3, 0.53),
    "table5-g": (48.1, 1.42),
    "table6-mobilenet_v2": (144.6, 2.37),
    "table6-shufflenet_v1": (137.5, 1.87),
    "table6-shufflenet_v2": (144.9, 2.28),
    "table6-shufflenet_v2_star": (145.6, 2.27),
    "table6-snet146": (148.4, 1.46),
    "table6-xception": (143.1, 1.53),
    "table7-a": (715.2, 2.42),
    "table7-b": (517.0, 1.92),
    "table7-c": (449.4, 1.58),
    "table7-d": (449.5, 1.71),
    "table7-e": (474.5, 1.64),
    "table7-f": (474.6, 1.77),
    "table8-large-backbone-small-head": (474.6, 1.77),
    "table8-small-backbone-large-head": (508.4, 2.40),
}


@cache
def measure(name: str) -> tuple[PaperRow, Complexity]:
    row = load_row(CONFIGS / f"{name}.yaml")
    return row, measure_row(row)


def test_every_configuration_is_pinned() -> None:
    assert sorted(PINNED) == sorted(path.stem for path in CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("name", PINNED)
def test_operations_and_parameters_are_as_pinned(name: str) -> None:
    _, found = measure(name)
    assert (found.mflops, found.parameters) == pytest.approx(PINNED[name], abs=0.051)
    assert found.parameters == pytest.approx(PINNED[name][1], abs=0.0051)


@pytest.mark.parametrize("name", PINNED)
def test_differences_above_one_percent_are_explained(name: str) -> None:
    row, found = measure(name)
    _, _, reasons = DOCUMENT.read_text().partition("## Differences")
    if abs(found.mflops / row.printed.mflops - 1) > EXPLAINED:
        assert f"`{name}`" in reasons
    else:
        assert f"`{name}`" not in reasons


def test_parts_of_table_8_meet_the_printed_ones() -> None:
    rows = [measure(name) for name in PINNED if name.startswith("table8")]
    for row, found in rows:
        assert found.parts == pytest.approx(row.printed.parts, rel=0.012)
        assert set(row.printed.parts) == {"backbone", "rpn", "head"}
    assert len(rows) == 2


def test_documentation_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["table1-snet49", "table3-snet535", "table8-small-backbone-large-head"]
    assert main([str(CONFIGS / f"{name}.yaml") for name in names]) == 0
    document = DOCUMENT.read_text().splitlines()
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + len(names)
    assert [line for line in printed if line not in document] == []


def test_documentation_shows_every_row_as_measured() -> None:
    document = DOCUMENT.read_text().splitlines()
    lines = [format_row(name, *measure(name)) for name in PINNED]
    assert [line for line in lines if line not in document] == []


def test_command_refuses_what_is_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.yaml")]) == 1
    assert "absent.yaml: expected a readable file" in capsys.readouterr().err
