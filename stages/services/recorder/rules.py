"""Which events are worth a clip, and for how long what they tell goes on."""

from collections.abc import Iterable

import msgspec

from pipeline.client import EventMessage

# The event with which ends what another begins: while it has not come, the clip goes on.
_ENDINGS = {
    "track_begin": "track_end",
    "zone_enter": "zone_leave",
    "zone_dwell": "zone_leave",
}
Ongoing = tuple[str, int, str]  # kind of its end, track, zone


class ClipRule(msgspec.Struct, frozen=True):
    """As in the configuration."""

    events: tuple[str, ...]
    cameras: tuple[str, ...]
    regions: tuple[str, ...]
    labels: tuple[str, ...]
    min_score: float
    pre_s: float
    post_s: float
    join_s: float
    max_s: float

    def wants(self, event: EventMessage) -> bool:
        return (
            event.kind in self.events
            and (not self.cameras or event.camera in self.cameras)
            and (not self.regions or event.region in self.regions)
            and (not self.labels or event.label in self.labels)
            and event.score >= self.min_score
        )


def begun_by(event: EventMessage) -> Ongoing | None:
    """What goes on from this event on; None if it is over with it."""
    ending = _ENDINGS.get(event.kind)
    return None if ending is None else (ending, event.track_id, event.region or "")


def ended_by(event: EventMessage) -> Ongoing:
    return event.kind, event.track_id, event.region or ""


def still_going(events: Iterable[EventMessage]) -> list[EventMessage]:
    """Those of a clip's events, in their order, that began what none of them has ended."""
    going: dict[Ongoing, EventMessage] = {}
    for event in events:
        going.pop(ended_by(event), None)
        if (begun := begun_by(event)) is not None:
            going[begun] = event
    return list(going.values())
