"""What there is of a camera to tell of, as the configuration says."""

import msgspec


class CameraPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera: what it may see, its zones, and its counting lines with their directions."""

    name: str
    labels: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    lines: dict[str, tuple[str, ...]] = {}


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
