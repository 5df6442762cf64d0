"""The topics of a line; docs/mqtt.md describes each."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.client import EventMessage

SWITCHES = ("detect", "record")


class Topics(NamedTuple):
    """All below `<prefix>/<name of the line>`."""

    base: str

    @property
    def available(self) -> str:
        return f"{self.base}/available"

    @property
    def board(self) -> str:
        """Whose name it is."""
        return f"{self.base}/board"

    @property
    def line(self) -> str:
        return f"{self.base}/line"

    @property
    def commands(self) -> tuple[str, ...]:
        """Filters for the commands to all cameras."""
        every = CameraTopics(f"{self.base}/+")
        return tuple(every.command(name) for name in SWITCHES)

    def of(self, camera: str) -> "CameraTopics":
        return CameraTopics(f"{self.base}/{camera}")


class CameraTopics(NamedTuple):
    """All below `<prefix>/<name of the line>/<camera>`."""

    base: str

    @property
    def status(self) -> str:
        return f"{self.base}/status"

    @property
    def age(self) -> str:
        return f"{self.base}/age_ms"

    @property
    def picture(self) -> str:
        return f"{self.base}/last/jpeg"

    def switch(self, name: str) -> str:
        """Whether it is on."""
        return f"{self.base}/{name}"

    def command(self, name: str) -> str:
        """To switch it."""
        return f"{self.switch(name)}/set"

    def present(self, label: str) -> str:
        """`label` as `slugs` writes it."""
        return f"{self.base}/object/{label}/present"

    def objects(self, label: str) -> str:
        return f"{self.base}/object/{label}/count"

    def inside(self, zone: str) -> str:
        return f"{self.base}/zone/{zone}/inside"

    def crossings(self, line: str, direction: str) -> str:
        return f"{self.base}/line/{line}/{direction}"

    def zone_event(self, zone: str) -> str:
        return f"{self.base}/event/zone/{zone}"

    def line_event(self, line: str) -> str:
        return f"{self.base}/event/line/{line}"

    @property
    def track_event(self) -> str:
        return f"{self.base}/event/track"

    def event(self, event: EventMessage) -> str:
        place, _, _ = event.kind.partition("_")
        if event.region is None:
            return self.track_event
        return self.line_event(event.region) if place == "line" else self.zone_event(event.region)


def slugs(labels: Sequence[str]) -> dict[str, str]:
    """For each label a word of a-z, 0-9 and `_`, each another one."""
    found: dict[str, str] = {}
    for label in labels:
        word = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "object"
        taken, number, slug = set(found.values()), 2, word
        while slug in taken:
            slug, number = f"{word}_{number}", number + 1
        found[label] = slug
    return found
