"""The form of the pages: lines that fit, a glossary in order, and calls that the code still has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_line import REPOSITORY

COLUMNS = 100
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")])


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of the lines outside code blocks, tables and images."""
    is_code = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not line.startswith(("|", "![")):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_prose_fits_the_columns(page: Path) -> None:
    assert [number for number, line in prose(page) if len(line) > COLUMNS] == []


# Glossary ---------------------------------------------------------------------------------------


def glossary_terms() -> list[str]:
    rows = [line for line in (DOCS / "glossary.md").read_text().splitlines() if line[:2] == "| "]
    return [re.sub(r"[*`]", "", row.split("|")[1]).strip().lower() for row in rows[1:]]


def test_glossary_is_in_order_and_has_each_term_once() -> None:
    terms = glossary_terms()
    assert len(terms) > 60
    assert terms == sorted(set(terms))


# Architecture -----------------------------------------------------------------------------------


def defined_names() -> dict[str, set[str]]:
    """Methods and fields of each class of the line, by name of the class."""
    found: dict[str, set[str]] = {}
    for folder in ("pipeline", "stages"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, set()).update(members(node))
    return found


def members(node: ast.ClassDef) -> set[str]:
    functions = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
    fields = {
        child.target.id
        for child in node.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    }
    return functions | fields


def test_architecture_names_calls_that_exist() -> None:
    page = (DOCS / "architecture.md").read_text()
    calls = re.findall(r"`([A-Z]\w+)\.(\w+)`", page)
    assert len(calls) > 15
    defined = defined_names()
    assert [f"{name}.{call}" for name, call in calls if call not in defined.get(name, ())] == []


def test_architecture_names_files_and_folders_that_exist() -> None:
    page = (DOCS / "architecture.md").read_text()
    paths = re.findall(r"`((?:pipeline|stages|models|tests|configs)/[\w./]*)`", page)
    assert len(paths) > 8
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []
