"""What is to be written into the file of an outbox, while that is not done or cannot be done."""

from collections import deque
from collections.abc import Iterable

from stages.services.outbox.item import Item
from stages.services.outbox.store import Mark


class Pending:
    """Held in memory: usually for an instant, and for longer where the disk is full."""

    def __init__(self) -> None:
        self.items: deque[Item] = deque()  # behind those in the file
        self.bytes = 0
        self.gone: set[int] = set()  # taken, and still in the file
        self.marks: dict[str, Mark] = {}
        self.notes: dict[str, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self.items or self.gone or self.marks or self.notes)

    def add(self, item: Item) -> None:
        """A state takes the place of the one that waits here under its key."""
        if item.key is not None:
            self._keep(other for other in self.items if other.key != item.key)
        self.items.append(item)
        self.bytes += item.cost

    def drop_oldest(self) -> None:
        self.bytes -= self.items.popleft().cost

    def forget(self, numbers: Iterable[int]) -> None:
        """These have been taken. What is not in the file never gets there."""
        numbers = set(numbers)
        here = {item.number for item in self.items}
        self._keep(item for item in self.items if item.number not in numbers)
        self.gone |= numbers - here

    def clear(self) -> None:
        """All of it is in the file."""
        self.__init__()  # type: ignore[misc]

    def _keep(self, items: Iterable[Item]) -> None:
        self.items = deque(items)
        self.bytes = sum(item.cost for item in self.items)
