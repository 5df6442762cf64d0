"""The cameras of a run as one process knows them: some come, and some go."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from pipeline.memory.ledger import LedgerReader
from pipeline.memory.run_file import read_run
from pipeline.topology import RunSpec


class Roster(Sequence[str]):
    """The names of all cameras by number, those that are gone among them, and the run itself.

    Everyone in a process holds the same roster. It is renewed between two frames.
    """

    def __init__(self, run: RunSpec) -> None:
        self.renew(run)

    def renew(self, run: RunSpec) -> None:
        self.run = run
        self._present = frozenset(run.present)

    def follow(self, ledger: LedgerReader) -> RunSpec:
        """The run as it is now, for who can take any at any time."""
        if ledger.revision != self.run.revision:
            self.renew(read_run(Path(self.run.run_dir)))
        return self.run

    def is_present(self, number: int) -> bool:
        """Whether there is a camera of this number, and it is not gone."""
        return number in self._present

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[str, ...]: ...
    def __getitem__(self, number: int | slice) -> str | tuple[str, ...]:
        return self.run.cameras[number]

    def __len__(self) -> int:
        return len(self.run.cameras)
