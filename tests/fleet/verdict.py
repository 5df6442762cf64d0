"""What was told, compared with what is at the hub."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Verdict(NamedTuple):
    """Numbers of events."""

    told: int
    found: int  # by their keys
    missing: int
    doubled: int  # more than once, by key
    strange: int  # that nobody has told
    disordered: int  # cameras whose events do not come in the order in which they happened

    @property
    def is_good(self) -> bool:
        return not (self.missing or self.doubled or self.strange or self.disordered)

    def __str__(self) -> str:
        if self.is_good:
            return f"{self.told} events: each there once, in the order of its camera"
        return ", ".join(f"{name} {value}" for name, value in self._asdict().items())


def judge(told: Mapping[str, int], stored: Iterable[Mapping[str, Any]]) -> Verdict:
    """Whether each event is there once, and in order.

    Args:
        told: how many events each board has told, by its name; their `seq` count from 0.
        stored: the messages of the stream, in its order.
    """
    ids = Counter[str]()
    seqs = defaultdict[tuple[str, str], list[int]](list)
    of_board = Counter[str]()
    strange = 0
    for message in stored:
        board, seq = message["board"], message["seq"]
        ids[message["id"]] += 1
        if ids[message["id"]] > 1:
            continue
        of_board[board] += 1
        strange += not 0 <= seq < told.get(board, 0)
        seqs[board, message["camera"]].append(seq)
    found = sum(of_board.values())
    return Verdict(
        told=sum(told.values()),
        found=found,
        missing=sum(told.values()) - (found - strange),
        doubled=sum(count - 1 for count in ids.values()),
        strange=strange,
        disordered=sum(each != sorted(each) for each in seqs.values()),
    )
