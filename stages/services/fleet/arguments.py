"""Values that the commands of a fleet take; argparse says what is wrong with another one."""

import argparse
import math

import msgspec

from stages.config import FleetName


def fleet_name(text: str) -> str:
    """Of a site or a board. Raises ArgumentTypeError."""
    try:
        return msgspec.convert(text, FleetName)
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError(
            f"expected a name of up to 64 letters, digits, - and _, got {text!r}"
        ) from None


def above_zero(text: str) -> float:
    """Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected a number above 0, below a million, got {text}")
    return value
