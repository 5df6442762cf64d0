"""What is wrong with a data set: counted and named once, instead of stopping a run."""

from collections import defaultdict

NAMES_SHOWN = 3


class DataError(RuntimeError):
    """A data set that cannot be used at all."""


class DataReport:
    """Problems found while reading, by kind."""

    def __init__(self) -> None:
        self.problems: dict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, name: str) -> None:
        self.problems[kind].append(name)

    def lines(self) -> list[str]:
        """One line per kind of problem, with a few names."""
        return [
            f"{kind}: {len(names)} ({', '.join(names[:NAMES_SHOWN])}"
            f"{', ...' if len(names) > NAMES_SHOWN else ''})"
            for kind, names in sorted(self.problems.items())
        ]
