"""What is installed beside ThunderLine."""

import importlib.metadata
from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.newest import read_requirements


def find_distributions(extras: Sequence[str]) -> Iterator[importlib.metadata.Distribution]:
    """Those that ThunderLine with these extras needs here, and those that they need."""
    to_do, seen = read_requirements(extras), set[str]()
    while to_do:
        name = canonicalize_name(to_do.pop().name)
        if name in seen:
            continue
        seen.add(name)
        distribution = importlib.metadata.distribution(name)
        yield distribution
        needs = map(Requirement, distribution.requires or ())
        to_do += [
            need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
