"""Values that the commands of a fleet take; argparse says what is wrong with another one."""

import argparse
import math
import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # as fleet.site and fleet.board


def fleet_name(text: str) -> str:
    """Of a site or a board. Raises ArgumentTypeError."""
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"expected a name of up to 64 letters, digits, - and _, got {text!r}"
        )
    return text


def above_zero(text: str) -> float:
    """Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected a number above 0, below a million, got {text}")
    return value
