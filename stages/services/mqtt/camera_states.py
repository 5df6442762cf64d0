"""What a camera sees, as values of topics: counts, presence, zones, lines, its age and state."""

import statistics
from collections import Counter
from collections.abc import Iterator

import msgspec

from pipeline.client import DetectionMessage, EventMessage, StatusMessage
from stages.services.mqtt.payloads import OFF, ON
from stages.services.mqtt.plan import CameraPlan, Pace
from stages.services.mqtt.publication import Publication
from stages.services.mqtt.states import States
from stages.services.mqtt.topics import CameraTopics, slugs

_STEPS = {"zone_enter": 1, "zone_leave": -1}  # of how many are inside


class Totals(msgspec.Struct):
    """What only events tell; kept over restarts of the service within a run.

    A zone that is moved is empty at once. Whoever makes the events takes the new place at a moment
    of its own, and its events do not say which place they are of. But they count: the first one of
    the new place is an entry into an empty zone, which does not follow on those of the old place
    while anybody was in there.
    """

    run: str = ""
    inside: dict[str, int] = {}  # by zone
    crossings: dict[str, dict[str, int]] = {}  # by line and direction
    shapes: dict[str, int] = {}  # of the zones
    # How many were in a zone that has been moved, until it tells of its new place.
    left: dict[str, int] = {}

    def hear_inside(self, zone: str, kind: str, inside: int) -> None:
        """What an event of a zone tells; one of the place where it was tells of nobody."""
        was = self.left.get(zone, 0)
        if was and inside == was + _STEPS.get(kind, 0):
            self.left[zone] = inside
        else:
            self.left.pop(zone, None)
            self.inside[zone] = inside

    def planned(self, plan: CameraPlan) -> "Totals":
        """Without names that the plan has not, which the line counts anew when they come again,
        and with nobody in zones that lie elsewhere than before.
        """
        crossings = {
            line: {way: count for way, count in self.crossings[line].items() if way in directions}
            for line, directions in plan.lines.items()
            if line in self.crossings
        }
        left = {zone: count for zone, count in self.left.items() if zone in plan.zones}
        inside = {}
        for zone in self.inside.keys() & plan.zones.keys():
            if self.shapes.get(zone) == plan.zones[zone]:
                inside[zone] = self.inside[zone]
            else:
                left[zone] = self.inside[zone]
        return Totals(self.run, inside, crossings, dict(plan.zones), left)


class CameraStates:
    """Sets the topics of one camera. Nothing of a single frame is told: rates have a limit."""

    def __init__(
        self,
        plan: CameraPlan,
        topics: CameraTopics,
        states: States,
        pace: Pace,
        qos: int,
        totals: Totals,
    ) -> None:
        self._plan, self._topics, self._states = plan, topics, states
        self._pace, self._qos = pace, qos
        self._slugs = slugs(plan.labels)
        self._seen_s: dict[str, float] = {}  # labels that are present, and when they were seen last
        self._ages_ms: list[float] = []
        self._next_age_s = 0.0
        self._told_run = ""  # of which the totals are told
        self.totals = totals.planned(plan)
        self.reconfigure(plan)
        for slug in self._slugs.values():
            self._set(topics.present(slug), OFF)
            self._set(topics.objects(slug), b"0")

    def reconfigure(self, plan: CameraPlan) -> None:
        """The same camera with other switches, and with zones that lie elsewhere."""
        self._plan = plan
        if self._told_run:
            self._tell_totals()
        for name, is_on in plan.switches.items():
            self._set(self._topics.switch(name), ON if is_on else OFF)

    def topics(self) -> Iterator[str]:
        """All that may ever be set."""
        yield from (self._topics.status, self._topics.age)
        yield from map(self._topics.switch, self._plan.switches)
        for slug in self._slugs.values():
            yield from (self._topics.present(slug), self._topics.objects(slug))
        yield from map(self._topics.inside, self._plan.zones)
        for line, directions in self._plan.lines.items():
            yield from (self._topics.crossings(line, direction) for direction in directions)

    def hear_result(self, message: DetectionMessage, now_s: float) -> None:
        """A frame that nobody could look at tells nothing of what is there."""
        self._begin_run(message.run)
        self._ages_ms.append(message.age_ms)
        if now_s >= self._next_age_s:
            self._next_age_s = now_s + self._pace.age_s
            self._set(self._topics.age, f"{statistics.median(self._ages_ms):.1f}".encode())
            self._ages_ms.clear()
        if message.status in ("ok", "idle"):
            self._count(Counter(found.label for found in message.detections), now_s)

    def hear_status(self, message: StatusMessage) -> None:
        self._set(self._topics.status, msgspec.json.encode(message))

    def hear_event(self, event: EventMessage) -> None:
        """Take the counts of zones and lines that the event tells."""
        self._begin_run(event.run)
        if event.region is None:
            return
        if event.inside is not None:
            self.totals.hear_inside(event.region, event.kind, event.inside)
        elif event.direction is not None and event.count is not None:
            self.totals.crossings.setdefault(event.region, {})[event.direction] = event.count
        self._tell_totals()

    def turn(self, now_s: float) -> None:
        """What has not been seen for a while is not there any more."""
        for label, seen_s in list(self._seen_s.items()):
            if now_s >= seen_s + self._pace.clear_s:
                del self._seen_s[label]
                self._set(self._topics.present(self._slugs[label]), OFF)

    def _begin_run(self, run: str) -> None:
        """Zones and lines count from 0 in each run, and in a run they go on."""
        if run != self.totals.run:
            self.totals = Totals(run, shapes=self.totals.shapes)
        if run != self._told_run:
            self._told_run = run
            self._tell_totals()

    def _count(self, counts: Counter[str], now_s: float) -> None:
        for label, slug in self._slugs.items():
            count = f"{counts[label]}".encode()
            self._set(self._topics.objects(slug), count, self._pace.count_s)
            if counts[label]:
                self._seen_s[label] = now_s
                self._set(self._topics.present(slug), ON)

    def _tell_totals(self) -> None:
        for zone in self._plan.zones:
            inside = self.totals.inside.get(zone, 0)
            self._set(self._topics.inside(zone), b"%d" % inside, self._pace.count_s)
        for line, directions in self._plan.lines.items():
            for direction in directions:
                count = self.totals.crossings.get(line, {}).get(direction, 0)
                topic = self._topics.crossings(line, direction)
                self._set(topic, b"%d" % count, self._pace.count_s)

    def _set(self, topic: str, payload: bytes, every_s: float = 0.0) -> None:
        self._states.set(Publication(topic, payload, self._qos), every_s)
