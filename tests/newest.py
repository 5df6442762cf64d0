"""The tests with the newest release of everything, instead of the versions known to work.

    python -m tests.newest                                   what `make test` runs
    python -m tests.newest tests/stages                      a part of it
    python -m tests.newest --extra train tests/models -m torch

Neither constraints.txt nor the bounds of pyproject.toml hold here, so that one sees what a release
breaks before users meet it. docs/versions.md keeps what was found.
"""

import argparse
import json
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.running_line import REPOSITORY

ENVIRONMENT = REPOSITORY / "out/newest"
CONSTRAINTS = REPOSITORY / "constraints.txt"
PYPROJECT = REPOSITORY / "pyproject.toml"


def read_requirements(extras: Iterable[str]) -> list[Requirement]:
    """What pyproject.toml asks for: the runtime's dependencies and those of `extras`."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    optional = project["optional-dependencies"]
    texts = [*project["dependencies"], *(text for extra in extras for text in optional[extra])]
    return [Requirement(text) for text in texts]


def read_constraints() -> dict[str, str]:
    """The version that is known to work with this Python, by canonical name."""
    lines = CONSTRAINTS.read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate()
    }


def compare(known: Mapping[str, str], newest: Mapping[str, str]) -> list[str]:
    """A line for each package that differs; those that are only known are not installed here."""
    return [
        f"{name:<28}{known.get(name, '-'):<18}{version}"
        for name, version in sorted(newest.items())
        if known.get(name) != version
    ]


def install(extras: Sequence[str]) -> Path:
    """A new environment with the newest releases; returns its Python."""
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    python = ENVIRONMENT / "bin/python"
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    names = {requirement.name for requirement in read_requirements(extras)}
    subprocess.run([*pip, "--upgrade", *sorted(names)], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", str(REPOSITORY)], check=True)
    return python


def list_installed(python: Path) -> dict[str, str]:
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(listed.stdout)
    versions = {canonicalize_name(entry["name"]): entry["version"] for entry in found}
    return {name: version for name, version in versions.items() if name not in OURS}


OURS = ("pip", "thunderline")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--extra", action="append", default=[], help="beside web and dev, such as train"
    )
    extras, tests = parser.parse_known_args()
    python = install(["web", "dev", *extras.extra])
    differences = compare(read_constraints(), list_installed(python))
    print(f"{'package':<28}{'known to work':<18}newest", *differences, sep="\n", flush=True)
    return subprocess.run([str(python), "-m", "pytest", *tests], cwd=REPOSITORY).returncode


if __name__ == "__main__":
    sys.exit(main())
