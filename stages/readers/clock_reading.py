"""What the clock of a camera says, beside that of this machine."""

from typing import NamedTuple

# Reports come one way: the network's delay, and ours in reading them, are not known.
_ONE_WAY_S = 0.1


class ClockReading(NamedTuple):
    """One look at the clock of a camera.

    `by` is what told it: "RTCP", "ONVIF" or "HTTP". `ahead_s` is how far it was ahead of the clock
    of this machine; behind, if negative. `within_s` is how far from the truth that may be.
    """

    by: str
    ahead_s: float
    within_s: float


def read_report(ahead_s: float) -> ClockReading:
    """Of an RTCP report, which tells the time exactly and comes unasked."""
    return ClockReading("RTCP", ahead_s, _ONE_WAY_S)


def read_answer(by: str, told_s: float, asked_s: float, answered_s: float) -> ClockReading:
    """Of an answer, which tells whole seconds of some instant between the question and itself.

    Args:
        by: what the question was.
        told_s: the answer, in s since 1970.
        asked_s: when it was asked, by the clock of this machine.
        answered_s: when the answer came.
    """
    ahead_s = told_s + 0.5 - (asked_s + answered_s) / 2
    return ClockReading(by, ahead_s, 0.5 + (answered_s - asked_s) / 2)
