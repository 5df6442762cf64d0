"""Names of boards, from files as Linux has them."""

import platform
from pathlib import Path

from stages.line.bench.board_name import board_name


def write(root: Path, name: str, text: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return root


def test_a_board_is_called_what_its_device_tree_says(tmp_path: Path) -> None:
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert board_name(tmp_path).startswith("Raspberry Pi 5 Model B Rev 1.0, ")


def test_other_machines_are_called_by_their_processor(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast One @ 3 GHz\n")
    name = board_name(tmp_path)
    assert name.startswith("Fast One @ 3 GHz, ")
    assert name.endswith(f", {platform.machine()}")


def test_a_machine_without_a_name_has_cores(tmp_path: Path) -> None:
    assert board_name(tmp_path).startswith("unknown processor, ")
