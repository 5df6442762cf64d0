"""A clip of an event: from before it until after its end, in as many files as it takes."""

import time

from pipeline.client import DetectionMessage, EventMessage, ModelInfo
from pipeline.service import Packet, clock_step
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind, iso_utc
from stages.services.archive.sidecar import Sidecar
from stages.services.archive.wishes import Wish
from stages.services.recorder.film import Film
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.packet_source import Packets
from stages.services.recorder.reel import Reel
from stages.services.recorder.rules import ClipRule, Ongoing, begun_by, ended_by
from stages.services.recorder.sightings import Sightings, best_time_s, boxes_of, tracks_of
from stages.services.recorder.tap import Tap

UNSEEN_NS = 10 * NS  # an object that was not seen for so long is gone, whatever was told
_EARLY_NS = NS // 5  # between the arrival of a picture and its capture
_PATIENCE_S = 5.0  # for pictures that do not come any more


def group_of(camera: str, at_ns: int) -> str:
    """What the parts of a clip have in common: its camera, and the time of its first event."""
    return f"{camera}-{iso_utc(at_ns)}"


class Clip:
    """Written while it goes on. Events within `join_s` of its end belong to it.

    Args:
        name: of the rule, or who has asked.
        at_ns: time of the event; the clip begins at the last key frame `pre_s` before it.
        seconds: it goes on for so long at least.
        not_before_ns: what was seen before is not shown, whatever else is asked for.
        begin_ns: where a process before this one has ended; `group` and `part` are of its clip.
        until_ns: how long that was to go on.
        wish: that it grants.
    """

    def __init__(
        self, name: str, rule: ClipRule, camera: str, at_ns: int, packets: Packets,
        archive: Archive, finisher: Finisher, sightings: Sightings, model: ModelInfo,
        *, seconds: float = 0.0, group: str = "", part: int = 0, begin_ns: int | None = None,
        not_before_ns: int = 0, until_ns: int = 0, wish: Wish | None = None,
    ) -> None:  # fmt: skip
        self.name, self.camera = name, camera
        self.rule, self.wish = rule, wish
        self.at_ns = at_ns
        self._until_ns = max(at_ns + round((seconds + rule.post_s) * NS), until_ns)
        self.group = group or group_of(camera, at_ns)
        self._part = part
        self._model = model
        self._sightings = sightings
        self._events: list[EventMessage] = []  # of this part, and those that go on
        self._ongoing: dict[Ongoing, int] = {}  # when its track was seen last
        self._wanted_ns = at_ns - round(rule.pre_s * NS)
        self._idle_s = time.monotonic() + _PATIENCE_S
        self._sidecar = Sidecar(Kind.CLIP, camera, 0, 0)  # of the part that is written
        self._tap = Tap(packets, camera, not_before_ns)
        begin = self._wanted_ns - _EARLY_NS if begin_ns is None else begin_ns
        self.has_pictures = self._tap.begin_at(begin)
        self._reel = Reel(
            archive, finisher, self._make_sidecar, round(rule.max_s * NS), self._describe
        )
        self._is_kept = begin_ns is not None  # by a process before this one
        if begin_ns is not None:
            self._reel.continue_after(begin_ns, "the recorder was not there")

    @property
    def is_kept(self) -> bool:
        """Whether pictures of it are on the disk, so a successor of this process finds it."""
        return self._is_kept or self._reel.has_begun

    @property
    def trouble(self) -> str | None:
        """Why there are no pictures of it; empty where it was told, None if none have come."""
        return self._reel.trouble

    def add(self, event: EventMessage) -> None:
        """An event that belongs to the clip."""
        self._events.append(event)
        self._extend(event.captured_unix_ns)
        going_on = begun_by(event)
        if going_on is not None:
            self._ongoing[going_on] = event.captured_unix_ns

    def hear(self, event: EventMessage) -> None:
        """An event of the camera that the rule does not ask for; it may end something."""
        if self._ongoing.pop(ended_by(event), None) is not None:
            self._events.append(event)
            self._extend(event.captured_unix_ns)

    def see(self, result: DetectionMessage) -> None:
        """Keep in mind which objects are still there."""
        now = result.captured_unix_ns
        seen = {found.track_id for found in result.detections}
        for ongoing, last in list(self._ongoing.items()):
            if ongoing[1] in seen:
                self._ongoing[ongoing] = now
            elif now - last > UNSEEN_NS:
                del self._ongoing[ongoing]
                self._extend(last)

    def joins(self, at_ns: int) -> bool:
        """Whether an event of that time belongs to this clip."""
        return bool(self._ongoing) or at_ns <= self._until_ns + round(self.rule.join_s * NS)

    def take_turn(self, now_ns: int) -> bool:
        """Write what has come and is wanted; returns whether the clip goes on."""
        packets = self._read()
        if packets:
            self._idle_s = time.monotonic() + _PATIENCE_S
            self._reel.take(packets, self._tap.tracks)
        if self._ongoing:
            return True
        waits = now_ns <= self._until_ns + round((self.rule.join_s + 1.0) * NS)
        has_more = self._has_more or time.monotonic() < self._idle_s
        return waits or (has_more and not self._is_complete)

    def end(self, *, goes_on: bool = False) -> None:
        """Complete what is written; `goes_on` says that another process writes the next part."""
        self._goes_on = goes_on and (bool(self._ongoing) or not self._is_complete)
        self._reel.end()

    _goes_on = True  # in another part: until it ends, only that it cannot be written ends a part
    _is_complete = False  # whether the end is written
    _has_more = False  # whether there was something to read
    _last: Packet | None = None  # that was read

    def _read(self) -> list[Packet]:
        """Up to the end of the clip, as far as it is known."""
        packets: list[Packet] = []
        self._is_complete = self._has_more = False
        while len(packets) < 500 and (packet := self._tap.next()) is not None:
            if self._last is not None:  # the clip goes on for as long as it had to
                self._until_ns += clock_step(self._last, packet)
            self._last = packet
            if not self._ongoing and packet.arrived_unix_ns > self._until_ns:
                self._tap.give_back(packet)
                self._is_complete = True
                break
            packets.append(packet)
        self._has_more = len(packets) > 0
        return packets

    def _extend(self, at_ns: int) -> None:
        self._until_ns = max(self._until_ns, at_ns + round(self.rule.post_s * NS))
        self._sidecar.until_unix_ns = self._until_ns

    def _make_sidecar(self) -> Sidecar:
        self._part += 1
        sidecar = Sidecar(Kind.CLIP, self.camera, 0, 0, why=self.name, group=self.group)
        sidecar.part = self._part
        sidecar.model = self._model
        sidecar.events = self._events  # as it grows
        sidecar.until_unix_ns = self._until_ns
        self._sidecar = sidecar
        return sidecar

    def _describe(self, sidecar: Sidecar, film: Film) -> float | None:
        """Fill in what is known when the file ends."""
        sidecar.events, sidecar.goes_on = self._events, self._goes_on
        self._events = [event for event in self._events if begun_by(event) in self._ongoing]
        if sidecar.part == 1:
            sidecar.pre_roll_s = round((self.at_ns - film.begin_unix_ns) / NS, 3)
            self._note_pre_roll(sidecar)
        results = self._sightings.between(film.begin_unix_ns, film.end_unix_ns)
        sidecar.boxes = boxes_of(results, film)
        sidecar.tracks = tracks_of(sidecar.boxes)
        sidecar.epochs = sorted({result.epoch for result in results})
        for result in results:
            for reason, count in result.drops.items():
                sidecar.drops[reason] = sidecar.drops.get(reason, 0) + count
        if results:
            sidecar.host, sidecar.run = results[-1].host, results[-1].run
        wanted = [event.track_id for event in sidecar.events]
        at_s = best_time_s(sidecar.boxes, wanted)
        if at_s is None:
            at_s = max((self.at_ns - film.begin_unix_ns) / NS, 0.0) if sidecar.part == 1 else 0.0
        return min(at_s, max(film.duration_ns / NS, 0.0))

    def _note_pre_roll(self, sidecar: Sidecar) -> None:
        pre_roll_s = sidecar.pre_roll_s or 0.0
        if pre_roll_s < self.rule.pre_s - 0.001:
            sidecar.notes.append(
                f"begins {pre_roll_s:.1f} s before the event, not {self.rule.pre_s:g}: nothing "
                "older was kept"
            )
        elif pre_roll_s > self.rule.pre_s + 3.0:
            sidecar.notes.append(
                f"begins {pre_roll_s:.1f} s before the event, not {self.rule.pre_s:g}: the last "
                "key frame was there"
            )
