"""How often what has happened in this run, by camera, place and label.

Names of zones and lines may change while the line runs. Those that nothing was heard of for the
longest time are forgotten when there are too many.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable

from pipeline.client import EventMessage
from stages.services.metrics.families import CROSSINGS, ENTRIES, OCCUPANCY, TRACKS, Family
from stages.services.metrics.metric import Labels, Metric

MOST_SERIES = 4096


class EventCounts:
    """Counts events, of which each comes once."""

    def __init__(self) -> None:
        self._values: OrderedDict[tuple[Family, Labels], int] = OrderedDict()

    def add(self, event: EventMessage) -> None:
        camera, place = event.camera, event.region or ""
        if event.kind == "track_begin":
            self._count(TRACKS, (camera, event.label))
        elif event.kind == "line_cross":
            self._count(CROSSINGS, (camera, place, event.direction or "", event.label))
        elif event.kind == "zone_enter":
            self._count(ENTRIES, (camera, place, event.label))
        if event.inside is not None:
            self._put(OCCUPANCY, (camera, place), event.inside)

    def restore(self, events: Iterable[EventMessage]) -> None:
        """Count what happened before this service was started again, as far as all of it is known.

        Of a camera whose first events are not kept any more, the counts begin at 0 once more.
        """
        whole = dict[str, bool]()
        for event in events:
            if whole.setdefault(event.camera, event.seq == 0):
                self.add(event)
            elif event.inside is not None:
                self._put(OCCUPANCY, (event.camera, event.region or ""), event.inside)

    def metrics(self, cameras: Collection[str]) -> list[Metric]:
        """Of these cameras. What was counted of others is forgotten: they were taken away."""
        for key in [key for key in self._values if key[1][0] not in cameras]:
            del self._values[key]
        rows: dict[Family, list[tuple[Labels, int]]] = {
            family: [] for family in (TRACKS, CROSSINGS, ENTRIES, OCCUPANCY)
        }
        for (family, labels), value in self._values.items():
            rows[family].append((labels, value))
        for found in rows.values():
            found.sort()
        return [
            Metric(family, tuple(labels for labels, _ in found), [value for _, value in found])
            for family, found in rows.items()
        ]

    def _count(self, family: Family, labels: Labels) -> None:
        self._put(family, labels, self._values.get((family, labels), 0) + 1)

    def _put(self, family: Family, labels: Labels, value: int) -> None:
        self._values[family, labels] = value
        self._values.move_to_end((family, labels))
        if len(self._values) > MOST_SERIES:
            self._values.popitem(last=False)
