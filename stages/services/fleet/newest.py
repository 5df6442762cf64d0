"""States that wait in memory: of each only the newest, since the line knows them anyway."""

from typing import NamedTuple


class Telling(NamedTuple):
    """One state."""

    body: bytes
    is_kept: bool  # in a stream; otherwise those hear it who listen now


class Newest:
    """By subject."""

    def __init__(self) -> None:
        self._waiting: dict[str, Telling] = {}

    def set(self, subject: str, body: bytes, *, is_kept: bool = True) -> None:
        """In place of what waits under the subject."""
        self._waiting[subject] = Telling(body, is_kept)

    def take(self) -> dict[str, Telling]:
        taken, self._waiting = self._waiting, {}
        return taken

    def give_back(self, told: dict[str, Telling]) -> None:
        """What could not be sent waits on, unless there is a newer one."""
        self._waiting = told | self._waiting

    def __len__(self) -> int:
        return len(self._waiting)
