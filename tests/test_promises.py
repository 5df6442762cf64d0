"""The page of promises names tests, and each of them exists."""

import ast
import re

from tests.running_line import REPOSITORY

PAGE = (REPOSITORY / "docs/reliability.md").read_text()


def promises() -> list[list[str]]:
    """Cells (promise, tests) of the rows that promise something."""
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return [cells for cells in rows if "::" in cells[-1]]


def named_tests(text: str) -> list[tuple[str, str]]:
    return re.findall(r"`([\w/]+\.py)::(\w+)`", text)


def test_every_promise_is_held_by_a_test() -> None:
    held = PAGE.partition("## What is promised")[2].partition("## What is not promised")[0]
    rows = [line for line in held.splitlines() if line.startswith("| ") and "held by" not in line]
    assert len(promises()) == len(rows) > 20
    assert all(named_tests(cells[-1]) for cells in promises())


def test_every_named_test_exists() -> None:
    for file, name in named_tests(PAGE):
        tree = ast.parse((REPOSITORY / "tests" / file).read_text())
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file} has no {name}"


def test_no_name_is_written_in_another_form() -> None:
    assert PAGE.count("::") == len(named_tests(PAGE))
