"""What the REST API answers. The OpenAPI document is made of these."""

import msgspec

from stages.services.machine import Temperature
from stages.services.web.readings import Camera, Process, Readiness


class Cameras(msgspec.Struct, frozen=True):
    """All cameras, in the order of the configuration."""

    window_s: float  # that rates and ages are of
    cameras: tuple[Camera, ...]


class Status(msgspec.Struct, frozen=True):
    """The line and the machine under it."""

    host: str
    version: str
    window_s: float  # that the processor times are of
    processes: tuple[Process, ...]
    temperatures: tuple[Temperature, ...]
    throttled: bool | None  # slower now because of heat or voltage; null where none can tell


class Health(msgspec.Struct, frozen=True):
    """The service answers."""

    status: str = "ok"


class Ready(msgspec.Struct, frozen=True):
    """Whether every camera gives results, or has ended regularly."""

    ready: bool
    cameras: tuple[Readiness, ...]


class Ticket(msgspec.Struct, frozen=True):
    """Lets its holder begin to look at pictures, by `?ticket=`."""

    ticket: str
    seconds: int
