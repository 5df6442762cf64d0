"""Another line-up for a line that runs: its cameras, and what its processes are told."""

from typing import Self

import msgspec

from pipeline.topology import ProcessSpec, RunSpec


class LineUp(msgspec.Struct, frozen=True):
    """What a run becomes. Cameras and processes keep their places; new ones are at the end.

    `present` are the numbers of the cameras that the line has then. Those in `leaving` stop first:
    they are removed, or come back with other options. As long as they are on their way out, the
    processes are told what `meanwhile` says, which is the old options for these cameras.
    """

    cameras: tuple[str, ...]
    present: tuple[int, ...]
    processes: tuple[ProcessSpec, ...]
    leaving: tuple[int, ...] = ()
    meanwhile: tuple[ProcessSpec, ...] = ()

    @classmethod
    def of_options(cls, run: RunSpec, processes: tuple[ProcessSpec, ...]) -> Self:
        """The same cameras; processes differ in hot options only."""
        return cls(run.cameras, run.present, processes)

    @property
    def absent(self) -> tuple[int, ...]:
        """Numbers of the cameras that the line does not have then."""
        return tuple(c for c in range(len(self.cameras)) if c not in self.present)
