"""Who enters the zones of one camera, stays there and leaves.

A track enters where its anchor is inside, if its class, score, size and travel are let in at that
moment. It leaves where its anchor is farther outside than a band, which follows the size of the
box: so a box that trembles on the edge does not come and go. A zone whose anchor is `overlap` asks
for half of the box at the entry, and for less than two fifths at the exit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from stages.events.config import ZoneConfig
from stages.events.event import EndReason, Kind, LeaveReason, Moment, Sighting, Teller
from stages.events.lives import Track
from stages.events.region_state import Counts, class_ids, shape_of
from stages.events.sightings import BOTTOM, CENTER, Sightings
from stages.kernels.boxes import Wh
from stages.kernels.regions.polygons import Flags, Floats, Polygons

_ENTER_SHARE, _LEAVE_SHARE = 0.5, 0.4

_NS_PER_S = 1_000_000_000


class Stay(msgspec.Struct, array_like=True, gc=False):
    """A track in a zone."""

    label: str
    since: Moment
    has_dwelt: bool = False  # its dwell is told


class ZoneState(msgspec.Struct, array_like=True):
    """What a zone remembers."""

    shape: int
    entered: Counts
    stays: dict[int, Stay]  # by track id

    def inside(self) -> Counts:
        return dict(Counter(stay.label for stay in self.stays.values()))


class Zone:
    """One zone and who is in it."""

    def __init__(self, name: str, config: ZoneConfig, labels: Sequence[str]) -> None:
        self.config = config
        self._name, self._labels = name, labels
        self._classes = class_ids(config.labels, labels)
        self._dwell_ns = None if config.dwell_s is None else round(config.dwell_s * _NS_PER_S)
        self.state = ZoneState(shape_of(config), {}, {})

    def adopt(self, known: ZoneState) -> None:
        """Take over the counts, and who is inside unless the zone lay elsewhere."""
        self.state.entered = known.entered
        self.state.stays = known.stays if known.shape == self.state.shape else {}

    def lets_in(self, sighting: Sighting, area: float, track: Track) -> bool:
        """Whether a track may enter; `area` is that of its box, as a share of the picture."""
        config = self.config
        return (
            sighting.class_id in self._classes
            and sighting.score >= config.min_score
            and area >= config.min_area
            and (config.min_travel == 0 or track.travel() >= config.min_travel)
        )

    def enter(self, sighting: Sighting, teller: Teller) -> None:
        state, label = self.state, self._labels[sighting.class_id]
        state.stays[sighting.track_id] = Stay(label, sighting.moment)
        state.entered[label] = state.entered.get(label, 0) + 1
        self._tell("zone_enter", sighting, teller)

    def stay(self, sighting: Sighting, teller: Teller) -> None:
        """Tell once of a track that has been inside for long."""
        stay, dwell_ns = self.state.stays[sighting.track_id], self._dwell_ns
        if dwell_ns is None or stay.has_dwelt:
            return
        if sighting.moment.pts_ns - stay.since.pts_ns >= dwell_ns:
            stay.has_dwelt = True
            self._tell("zone_dwell", sighting, teller, stay=stay)

    def leave(self, sighting: Sighting, reason: LeaveReason, teller: Teller) -> None:
        stay = self.state.stays.pop(sighting.track_id)
        self._tell("zone_leave", sighting, teller, reason=reason, stay=stay)

    def _tell(
        self,
        kind: Kind,
        sighting: Sighting,
        teller: Teller,
        *,
        stay: Stay | None = None,
        reason: LeaveReason | None = None,
    ) -> None:
        seconds = None
        if stay is not None:
            seconds = (sighting.moment.pts_ns - stay.since.pts_ns) / _NS_PER_S
        teller.tell(
            kind,
            sighting,
            region=self._name,
            reason=reason,
            seconds=seconds,
            count=sum(self.state.entered.values()),
            inside=len(self.state.stays),
        )


class ZoneWatch:
    """The zones of one camera."""

    def __init__(self, zones: Mapping[str, ZoneConfig], labels: Sequence[str]) -> None:
        self.zones = {name: Zone(name, config, labels) for name, config in zones.items()}
        self._list = list(self.zones.values())
        anchors = [zone.config.anchor for zone in self._list]
        self._anchors = [CENTER if anchor == "center" else BOTTOM for anchor in anchors]
        self._overlapping = [i for i, anchor in enumerate(anchors) if anchor == "overlap"]
        self._frame_wh: Wh | None = None
        self._polygons: Polygons
        self._overlap_polygons: Polygons

    def adopt(self, known: Mapping[str, ZoneState]) -> None:
        """Go on from what zones of the same names knew."""
        for name in self.zones.keys() & known.keys():
            self.zones[name].adopt(known[name])

    def states(self) -> dict[str, ZoneState]:
        return {name: zone.state for name, zone in self.zones.items()}

    def update(self, sightings: Sightings, tracks: Mapping[int, Track], teller: Teller) -> None:
        """What the next frame changes; `tracks` are those of the sightings at least, by id."""
        if not self._list or len(sightings) == 0:
            return
        self._scale(sightings.frame_wh)
        points = sightings.anchors.take(self._anchors, 1)
        is_in = self._polygons.contain(points)
        shares = None
        if self._overlapping:
            shares = self._overlap_polygons.shares(sightings.boxes_xyxy)
            is_in[:, self._overlapping] = shares >= _ENTER_SHARE
        areas = sightings.areas().tolist()
        is_out: list[list[bool]] | None = None
        for column, (zone, inside) in enumerate(zip(self._list, is_in.T.tolist(), strict=True)):
            stays = zone.state.stays
            for row, sighting in enumerate(sightings.all):
                if sighting.track_id not in stays:
                    if inside[row] and zone.lets_in(
                        sighting, areas[row], tracks[sighting.track_id]
                    ):
                        zone.enter(sighting, teller)
                    continue
                if not inside[row]:
                    if is_out is None:
                        is_out = self._are_out(sightings, points, shares).tolist()
                    if is_out[row][column]:
                        zone.leave(sighting, "out", teller)
                        continue
                zone.stay(sighting, teller)

    def end(self, last: Sighting, reason: EndReason, teller: Teller) -> None:
        """A track that was seen last there has ended."""
        for zone in self._list:
            if last.track_id in zone.state.stays:
                zone.leave(last, reason, teller)

    def _are_out(self, sightings: Sightings, points: Floats, shares: Floats | None) -> Flags:
        """Whether (N, Z) a track that is not inside is far enough outside to leave."""
        are_out: Flags = self._polygons.distances(points, sightings.bands()) > 1
        if shares is not None:
            are_out[:, self._overlapping] = shares < _LEAVE_SHARE
        return are_out

    def _scale(self, frame_wh: Wh) -> None:
        if frame_wh != self._frame_wh:
            self._frame_wh = frame_wh
            corners = [np.array(zone.config.corners, float) * frame_wh for zone in self._list]
            self._polygons = Polygons(corners)
            if self._overlapping:
                self._overlap_polygons = Polygons([corners[i] for i in self._overlapping])
