"""What happens before one camera: the lives of its tracks, its zones and its counting lines."""

from collections.abc import Mapping, Sequence

import msgspec

from stages.events.config import CountingLineConfig, ZoneConfig
from stages.events.event import EndReason, Event, Moment, Teller
from stages.events.lines import LineState, LineWatch
from stages.events.lives import Lives, Track
from stages.events.region_state import Counts
from stages.events.sightings import Sightings
from stages.events.zones import ZoneState, ZoneWatch
from stages.kernels.boxes import Wh
from stages.kernels.detections import Detections
from stages.kernels.tracking.tracker import Ended


class ZoneTally(msgspec.Struct, frozen=True, array_like=True):
    """How many are in a zone, and have entered it in this run."""

    inside: Counts
    entered: Counts


class Tallies(msgspec.Struct, frozen=True, array_like=True):
    """All counts of a camera, by the names of its zones, and of its lines and their directions."""

    zones: dict[str, ZoneTally]
    lines: dict[str, dict[str, Counts]]


_TALLIES_ENCODER = msgspec.msgpack.Encoder()
_TALLIES_DECODER = msgspec.msgpack.Decoder(Tallies)


def encode_tallies(tallies: Tallies) -> bytes:
    return _TALLIES_ENCODER.encode(tallies)


def decode_tallies(data: bytes) -> Tallies:
    return _TALLIES_DECODER.decode(data)


class _State(msgspec.Struct, array_like=True):
    seq: int
    tracks: dict[int, Track]
    zones: dict[str, ZoneState]
    lines: dict[str, LineState]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_State)


class Watch:
    """Tells of the tracks of one camera what the tracker does not.

    Args:
        labels: of the model, by class id.
    """

    def __init__(
        self,
        zones: Mapping[str, ZoneConfig],
        lines: Mapping[str, CountingLineConfig],
        labels: Sequence[str],
    ) -> None:
        self._labels = tuple(labels)
        self._teller = Teller()
        self._lives = Lives()
        self._zones = ZoneWatch(zones, self._labels)
        self._lines = LineWatch(lines, self._labels)

    def update(
        self, tracked: Detections, ended: Sequence[Ended], moment: Moment, frame_wh: Wh
    ) -> list[Event]:
        """What the next frame tells: begins of tracks, zones, lines, and ends of tracks at last.

        Args:
            tracked: with track ids; those without an id are left out.
            ended: tracks that are not among them and will not be seen again.
            frame_wh: of the display, like the boxes. It may differ after `end_all` only.
        """
        sightings = Sightings(tracked, moment, frame_wh)
        last_boxes = self._lives.last_boxes(sightings)
        self._lives.update(sightings, self._teller)
        self._zones.update(sightings, self._lives.tracks, self._teller)
        self._lines.update(sightings, last_boxes, self._teller)
        for track_id, reason in ended:
            self._end(track_id, reason)
        return self._teller.take()

    def end_all(self, reason: EndReason) -> list[Event]:
        """All tracks end: the source was opened again, or the line stops."""
        for track_id in list(self._lives.tracks):
            self._end(track_id, reason)
        return self._teller.take()

    def reconfigure(
        self, zones: Mapping[str, ZoneConfig], lines: Mapping[str, CountingLineConfig]
    ) -> None:
        """Watch these zones and lines from now on.

        Counts of those that keep their name (and of directions that keep theirs) go on. A zone or
        line that lies elsewhere than before, or has another anchor, forgets who is inside or near:
        nobody is told to have left, and who is inside the new zone enters it with the next frame.
        """
        known_zones, known_lines = self._zones.states(), self._lines.states()
        self._zones = ZoneWatch(zones, self._labels)
        self._lines = LineWatch(lines, self._labels)
        self._zones.adopt(known_zones)
        self._lines.adopt(known_lines)

    def tallies(self) -> Tallies:
        zones = {
            name: ZoneTally(state.inside(), dict(state.entered))
            for name, state in self._zones.states().items()
        }
        lines = {
            name: {direction: dict(counts) for direction, counts in state.counts.items()}
            for name, state in self._lines.states().items()
        }
        return Tallies(zones, lines)

    def to_bytes(self) -> bytes:
        """All that the watch knows but its configuration."""
        return _ENCODER.encode(
            _State(self._teller.seq, self._lives.tracks, self._zones.states(), self._lines.states())
        )

    def from_bytes(self, data: bytes) -> None:
        """Know what another watch knew; its zones and lines may have been others, as for
        `reconfigure`.
        """
        state = _DECODER.decode(data)
        self._teller.seq = state.seq
        self._lives.tracks = state.tracks
        self._zones.adopt(state.zones)
        self._lines.adopt(state.lines)

    def _end(self, track_id: int, reason: EndReason) -> None:
        track = self._lives.tracks.get(track_id)
        if track is None:  # it had no id when it was seen
            return
        self._zones.end(track.last, reason, self._teller)
        self._lines.end(track_id, self._teller)
        self._lives.end(track_id, reason, self._teller)
