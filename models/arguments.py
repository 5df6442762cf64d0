"""Numbers on a command line. Whatever is not one is refused: nan and infinity are no settings."""

import argparse
import math


def parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text}") from None


def parse_finite(text: str) -> float:
    value = parse_number(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a finite number, got {text}")
    return value


def parse_positive(text: str) -> float:
    """An argument above 0, such as a width."""
    value = parse_number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def parse_tolerance(text: str) -> float:
    """An argument of 0 or more, such as what something may cost."""
    value = parse_number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, got {text}")
    return value


def parse_share(text: str) -> float:
    """An argument from 0 to below 1, such as a score."""
    value = parse_number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected 0 to below 1, got {text}")
    return value


def parse_count(text: str) -> int:
    """An argument of 1 or more."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value
