"""Who this line is, among all that a broker and Home Assistant know."""

import hashlib
import os
import uuid
from pathlib import Path
from typing import NamedTuple

from stages.services.machine import machine_name

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_CLIENT_HEX = 11  # of the id, so that a client id has the 23 characters that all brokers take


class Identity(NamedTuple):
    """A line on a machine. Two machines of one name differ, and two names of one machine."""

    name: str  # in topics
    id: str  # of 16 hexadecimal digits, for what must be unique and is to stay
    line_id: str  # the same, of this one of the lines that were given one name on one machine

    @property
    def client_id(self) -> str:
        """What the broker knows this line by: a second client of the same id ends the first."""
        return f"thunderline-{self.line_id[:_CLIENT_HEX]}"

    @property
    def device_id(self) -> str:
        """What Home Assistant knows this line by."""
        return f"thunderline_{self.id}"


def identify(name: str | None, outbox: str) -> Identity:
    """By the name that is configured, or that of the machine.

    Args:
        outbox: path of the file that one line alone can have, with `{name}` for the name.
    """
    name = name or machine_name()
    # The number of a machine is to be kept to itself, machine-id(5): a digest of it tells nothing.
    machine = f"thunderline/{_machine_id()}/{name}"
    path = os.path.realpath(outbox.replace("{name}", name))
    return Identity(name, _digest(machine), _digest(f"{machine}/{path}"))


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def _machine_id() -> str:
    for path in _MACHINE_IDS:
        try:
            found = path.read_text().strip()
        except OSError:
            continue
        if found:
            return found
    return f"{uuid.getnode():012x}"  # the address of a network card
