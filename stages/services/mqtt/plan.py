"""What there is of a camera to tell of, as the configuration says."""

from typing import Self

import msgspec


class CameraPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera: what it may see, its zones with the shape of each (`shape_of`), its counting
    lines with their directions, and what is switched on. `record` is None where nothing of it is
    recorded anyway.
    """

    name: str
    labels: tuple[str, ...] = ()
    zones: dict[str, int] = {}
    lines: dict[str, tuple[str, ...]] = {}
    detect: bool = True
    record: bool | None = None

    @property
    def switches(self) -> dict[str, bool]:
        """Those that it has: whether each is on, by name."""
        found = {"detect": self.detect, "record": self.record}
        return {name: is_on for name, is_on in found.items() if is_on is not None}

    def changed_as(self, other: Self) -> Self:
        """This plan with the switches of another, and with its zones where only shapes differ."""
        zones = other.zones if other.zones.keys() == self.zones.keys() else self.zones
        return msgspec.structs.replace(self, zones=zones, detect=other.detect, record=other.record)


class Qos(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of each kind of message, MQTT's levels of service."""

    events: int = 1
    states: int = 1
    pictures: int = 0


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often things are told, in seconds."""

    count_s: float
    clear_s: float
    age_s: float
    picture_s: float | None


class OutboxPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events wait, and how many."""

    path: str  # `{name}` stands for the name of the line
    max_mb: float
    max_age_h: float
