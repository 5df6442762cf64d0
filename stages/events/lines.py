"""Who crosses the counting lines of one camera, and in which direction.

The path of a track's anchor is straight from one sighting to the next, however many frames are
missing between them. A line adds up the signs with which the path crosses it, for as long as the
anchor is near: within a band that follows the size of the box. A track that is beyond the band with
a sum that is not 0 has crossed, in the direction of the sum. So a box that trembles on the line
counts once, or not at all if it goes back.

A box that jumps to something else and back crosses twice in a moment. So a crossing waits for
`SETTLE_S` before it is told, and one in the other direction within that time cancels both.

A track that ends within the band has crossed, too, if it was beyond the band before. Then none of
the rules tells past from future: the same path backwards has the opposite crossings.
"""

from collections.abc import Mapping, Sequence
from itertools import compress

import msgspec
import numpy as np

from stages.events.config import CountingLineConfig
from stages.events.event import Sighting, Teller
from stages.events.region_state import Counts, class_ids, fingerprint
from stages.events.sightings import BOTTOM, CENTER, Sightings, find_anchors
from stages.kernels.boxes import Wh
from stages.kernels.regions.polygons import Floats
from stages.kernels.regions.segments import Segments

SETTLE_S = 0.5

_SETTLE_NS = round(SETTLE_S * 1_000_000_000)


class Passage(msgspec.Struct, array_like=True, gc=False):
    """A track whose path has crossed the line, and that is not yet beyond the band."""

    net: int  # crossings from A to B less those from B to A, not 0
    sighting: Sighting  # the first on this side of the line


class Crossing(msgspec.Struct, array_like=True, gc=False):
    """A crossing that is not told yet."""

    sign: int  # 1 from A to B, -1 from B to A
    sighting: Sighting

    def cancels(self, sign: int, sighting: Sighting) -> bool:
        """Whether that later crossing takes this one back."""
        return (
            sign == -self.sign
            and sighting.track_id == self.sighting.track_id
            and sighting.moment.pts_ns - self.sighting.moment.pts_ns <= _SETTLE_NS
        )


class LineState(msgspec.Struct, array_like=True):
    """What a counting line remembers."""

    shape: int
    counts: dict[str, Counts]  # by direction
    beyond: set[int] = msgspec.field(default_factory=set)  # tracks that were beyond the band once
    passages: dict[int, Passage] = {}  # by track id
    waiting: list[Crossing] = []


class CountingLine:
    """One line and who is near it."""

    def __init__(self, name: str, config: CountingLineConfig, labels: Sequence[str]) -> None:
        self.config = config
        self._name, self._labels = name, labels
        self._classes = class_ids(config.labels, labels)
        shape = fingerprint(config.from_, config.to, config.anchor)
        self.state = LineState(shape, {config.a_to_b: {}, config.b_to_a: {}})

    def adopt(self, known: LineState) -> None:
        """Take over the counts, and who is near unless the line lay elsewhere."""
        mine = self.state
        for direction in mine.counts.keys() & known.counts.keys():
            mine.counts[direction] = known.counts[direction]
        if known.shape == mine.shape:
            mine.beyond, mine.passages = known.beyond, known.passages
            mine.waiting = known.waiting

    def cross(self, sign: int, sighting: Sighting) -> None:
        """The path of a track has crossed the line on its way to this sighting."""
        passages, track_id = self.state.passages, sighting.track_id
        passage = passages.get(track_id)
        if passage is None:
            passages[track_id] = Passage(sign, sighting)
            return
        passage.net += sign
        if passage.net == 0:
            del passages[track_id]

    def asks_for(self, track_ids: list[int]) -> bool:
        """Whether it matters which of these tracks are beyond the band now."""
        return bool(self.state.passages) or not self.state.beyond.issuperset(track_ids)

    def go_beyond(self, track_ids: list[int]) -> None:
        """These tracks are farther away than the band."""
        self.state.beyond.update(track_ids)
        if self.state.passages:
            for track_id in track_ids:
                self._complete(track_id)

    def settle(self, now_ns: int, teller: Teller) -> None:
        """Tell of the crossings that nothing can take back any more."""
        if not self.state.waiting:
            return
        waiting = []
        for crossing in self.state.waiting:
            if self._waits(crossing, now_ns):
                waiting.append(crossing)
            else:
                self._count(crossing, teller)
        self.state.waiting = waiting

    def end(self, track_id: int, teller: Teller) -> None:
        """A track has ended: what it did is certain now."""
        state = self.state
        if track_id in state.beyond:
            self._complete(track_id)
            state.beyond.discard(track_id)
        state.passages.pop(track_id, None)
        if state.waiting:
            ended = [w for w in state.waiting if w.sighting.track_id == track_id]
            state.waiting = [w for w in state.waiting if w.sighting.track_id != track_id]
            for crossing in ended:
                self._count(crossing, teller)

    def _complete(self, track_id: int) -> None:
        passage = self.state.passages.pop(track_id, None)
        if passage is None:
            return
        sign, waiting = (1 if passage.net > 0 else -1), self.state.waiting
        for crossing in waiting:
            if crossing.cancels(sign, passage.sighting):
                waiting.remove(crossing)
                return
        waiting.append(Crossing(sign, passage.sighting))

    def _waits(self, crossing: Crossing, now_ns: int) -> bool:
        if now_ns - crossing.sighting.moment.pts_ns <= _SETTLE_NS:
            return True
        passage = self.state.passages.get(crossing.sighting.track_id)  # may become the one back
        return passage is not None and crossing.cancels(
            1 if passage.net > 0 else -1, passage.sighting
        )

    def _count(self, crossing: Crossing, teller: Teller) -> None:
        sighting = crossing.sighting
        if sighting.class_id not in self._classes:
            return
        config = self.config
        direction = config.a_to_b if crossing.sign > 0 else config.b_to_a
        counts, label = self.state.counts[direction], self._labels[sighting.class_id]
        counts[label] = counts.get(label, 0) + 1
        teller.tell(
            "line_cross",
            sighting,
            region=self._name,
            direction=direction,
            count=sum(counts.values()),
        )


class LineWatch:
    """The counting lines of one camera."""

    def __init__(self, lines: Mapping[str, CountingLineConfig], labels: Sequence[str]) -> None:
        self.lines = {name: CountingLine(name, config, labels) for name, config in lines.items()}
        self._list = list(self.lines.values())
        self._anchors = [
            CENTER if line.config.anchor == "center" else BOTTOM for line in self._list
        ]
        self._frame_wh: Wh | None = None
        self._segments: Segments

    def adopt(self, known: Mapping[str, LineState]) -> None:
        """Go on from what lines of the same names knew."""
        for name in self.lines.keys() & known.keys():
            self.lines[name].adopt(known[name])

    def states(self) -> dict[str, LineState]:
        return {name: line.state for name, line in self.lines.items()}

    def update(self, sightings: Sightings, last_boxes: Floats, teller: Teller) -> None:
        """`last_boxes` (N, 4) is where the tracks were seen before."""
        if not self._list:
            return
        if len(sightings):
            self._scale(sightings.frame_wh)
            self._follow(sightings, find_anchors(last_boxes, sightings.frame_wh))
        for line in self._list:
            line.settle(sightings.moment.pts_ns, teller)

    def end(self, track_id: int, teller: Teller) -> None:
        for line in self._list:
            line.end(track_id, teller)

    def _follow(self, sightings: Sightings, last_anchors: Floats) -> None:
        before, after = (of.take(self._anchors, 1) for of in (last_anchors, sightings.anchors))
        signs = self._segments.crossings(before, after)
        if signs.any():
            for row, column in zip(*(found.tolist() for found in signs.nonzero()), strict=True):
                self._list[column].cross(int(signs[row, column]), sightings.all[row])
        if any(line.asks_for(sightings.ids) for line in self._list):
            are_beyond = self._segments.distances(after, sightings.bands()) > 1
            for line, is_beyond in zip(self._list, are_beyond.T.tolist(), strict=True):
                line.go_beyond(list(compress(sightings.ids, is_beyond)))

    def _scale(self, frame_wh: Wh) -> None:
        if frame_wh != self._frame_wh:
            self._frame_wh = frame_wh
            starts = np.array([line.config.from_ for line in self._list], float) * frame_wh
            ends = np.array([line.config.to for line in self._list], float) * frame_wh
            self._segments = Segments(starts, ends)
