"""The versions that are known to work: complete, and within the ranges that are allowed."""

import re
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.newest import PYPROJECT, compare, read_constraints, read_requirements
from tests.running_line import REPOSITORY

EXTRAS = tuple(tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"])
REQUIREMENTS = read_requirements(EXTRAS)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_each_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    version = read_constraints()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_each_range_ends_below_a_version_that_was_not_tried(requirement: Requirement) -> None:
    assert {"<", "=="} & {bound.operator for bound in requirement.specifier}


def test_whatever_comes_with_a_dependency_is_pinned_too() -> None:
    found = set[str]()
    wanted = [requirement.name for requirement in REQUIREMENTS]
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name not in found and (needed := read_installed_requirements(name)) is not None:
            found.add(name)
            wanted += needed
    assert {"numpy", "protobuf", "pluggy"} <= found
    assert found <= read_constraints().keys()


def read_installed_requirements(name: str) -> list[str] | None:
    """Names that the installed package needs here; None for one that is not installed."""
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return None
    needed = [Requirement(text) for text in texts]
    return [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]


def test_every_line_is_one_exact_version() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all([bound.operator for bound in pin.specifier] == ["=="] for pin in pins)


def test_a_runtime_with_wrong_convolutions_is_refused() -> None:
    (runtime,) = [r for r in REQUIREMENTS if r.name == "onnxruntime"]
    assert not runtime.specifier.contains("1.27.0")


def test_only_what_differs_from_the_known_versions_is_shown() -> None:
    known = {"numpy": "2.4.6", "pyzmq": "27.3.0", "onnx": "1.23.2"}
    lines = compare(known, {"numpy": "2.5.5", "pyzmq": "27.3.0", "new": "1.0"})
    assert [line.split() for line in lines] == [["new", "-", "1.0"], ["numpy", "2.4.6", "2.5.5"]]


def test_commits_are_checked_as_make_check_does() -> None:
    rule = re.search(r"^check:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(), re.M)
    assert rule
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in rule[1].splitlines()]
    (local,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in local["hooks"]] == commands
