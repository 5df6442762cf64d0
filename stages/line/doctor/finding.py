"""What the doctor says of one thing."""

import enum

import msgspec


class Level(enum.StrEnum):
    """How much it matters to a line."""

    OK = "ok"
    NOTE = "note"  # slower or less than it could be
    PROBLEM = "problem"  # a line does not run, or not as it should


class Finding(msgspec.Struct, frozen=True):
    """One line of the page; `advice` says what to do, where something can be done.

    `measured` repeats numbers of `value` for programs, by names that end with their units; lines
    without numbers do not have it.
    """

    what: str
    value: str
    level: Level = Level.OK
    advice: str = ""
    measured: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


def describe(finding: Finding) -> str:
    """For people, on one or two lines."""
    mark = {Level.OK: " ", Level.NOTE: "-", Level.PROBLEM: "!"}[finding.level]
    said = f"{mark} {finding.what:<20} {finding.value}"
    return f"{said}\n{'':<23}{finding.advice}" if finding.advice else said
