"""The clips that are being written, by rule and camera."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from pipeline.client import DetectionMessage, EventMessage, ModelInfo
from pipeline.logger import logger
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, iso_utc
from stages.services.archive.sidecar import Sidecar
from stages.services.archive.wishes import ALL, Wish
from stages.services.recorder.beat import Beat, unheard
from stages.services.recorder.clip import Clip, group_of
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.packet_source import Packets
from stages.services.recorder.pauses import Pauses
from stages.services.recorder.rules import ClipRule, still_going
from stages.services.recorder.sightings import Sightings

ASKED = "asked for"
_BY_HAND = ClipRule((), (), (), (), 0.0, pre_s=5.0, post_s=0.0, join_s=0.0, max_s=600.0)
LATE_NS = 120 * NS  # of what happened before that, nothing is begun any more
_MEMORY_S = 60.0  # of results, beside the longest part: it ends at a key frame


class Clips:
    """Begins clips where a rule asks for it, and ends them."""

    def __init__(
        self, rules: Mapping[str, ClipRule], cameras: Iterable[str], packets: Packets,
        archive: Archive, finisher: Finisher, model: ModelInfo, pauses: Pauses,
    ) -> None:  # fmt: skip
        self._rules = rules
        self._pauses = pauses
        self._cameras = tuple(cameras)
        self._packets = packets
        self._archive = archive
        self._finisher = finisher
        self._model = model
        longest_s = max((rule.max_s + rule.pre_s for rule in rules.values()), default=0.0)
        self._seconds = longest_s + _MEMORY_S
        self._sightings: dict[str, Sightings] = {}
        self._clips: list[Clip] = []

    def hear(self, event: EventMessage, told: Collection[str] = ()) -> None:
        """`told` are rules whose clips have the event already, from a process before this one."""
        if event.camera in self._pauses or event.captured_unix_ns < self._begin_ns(event.camera):
            return
        for name, rule in self._rules.items():
            if name in told:
                continue
            clip = self._find(name, event.camera)
            if rule.wants(event):
                if clip is None or not clip.joins(event.captured_unix_ns):
                    clip = self._begin(name, rule, event.camera, event.captured_unix_ns)
                clip.add(event)
            elif clip is not None:
                clip.hear(event)

    def see(self, result: DetectionMessage) -> None:
        rules = self._rules.values()
        is_ruled = any(not rule.cameras or result.camera in rule.cameras for rule in rules)
        if is_ruled or result.camera in self.asked:
            self._memory(result.camera).add(result)
        for clip in self._clips:
            if clip.camera == result.camera:
                clip.see(result)

    def wish(self, wish: Wish, made: Collection[str] = ()) -> None:
        """What somebody has asked for by hand; `made` are groups of clips that are there."""
        if wish.camera not in (ALL, *self._cameras):
            logger.warning("{}: no clip, as the line has no such camera", wish.camera)
        for camera in self._cameras:
            if wish.camera not in (camera, ALL) or group_of(camera, wish.at_ns) in made:
                continue
            if camera in self._pauses:
                logger.warning("{}: no clip, as its recording is switched off", camera)
                continue
            self._begin(ASKED, _BY_HAND, camera, wish.at_ns, seconds=wish.seconds, wish=wish)

    def waits_for(self, wish: Wish) -> bool:
        """Whether a clip that grants it has no picture yet, and goes on."""
        return any(clip.wish == wish and not clip.is_kept for clip in self._clips)

    @property
    def asked(self) -> frozenset[str]:
        """The cameras of which a clip is written that somebody has asked for by hand."""
        return frozenset(clip.camera for clip in self._clips if clip.name == ASKED)

    def continue_after(self, sidecar: Sidecar, now_ns: int) -> None:
        """Go on with a clip whose process was killed or has left it, if it had to."""
        rule = _BY_HAND if sidecar.why == ASKED else self._rules.get(sidecar.why)
        ongoing = still_going(sidecar.events)
        is_wanted = sidecar.until_unix_ns > max(sidecar.end_unix_ns, now_ns - LATE_NS)
        is_recorded = sidecar.camera in self._cameras and sidecar.camera not in self._pauses
        if rule is None or not is_recorded or not (ongoing or is_wanted):
            return
        clip = self._begin(
            sidecar.why, rule, sidecar.camera, sidecar.end_unix_ns,
            group=sidecar.group, part=sidecar.part, begin_ns=sidecar.end_unix_ns,
            until_ns=sidecar.until_unix_ns,
        )  # fmt: skip
        for event in ongoing:
            clip.add(event)

    def take_turn(self, now_ns: int, beat: Beat = unheard) -> None:
        ended = []
        for clip in list(self._clips):
            beat()
            if not clip.take_turn(now_ns):
                self._clips.remove(clip)
                clip.end()
                ended.append(clip)
        _tell_lost(ended, "no picture of that time has come, or is kept")

    def pause(self, camera: str) -> None:
        """End the clips of the camera; nothing of it is remembered."""
        self._sightings.pop(camera, None)
        ended = [clip for clip in self._clips if clip.camera == camera]
        for clip in ended:
            self._clips.remove(clip)
            clip.end()
        _tell_lost(ended, "its recording is switched off")

    def end(self, *, goes_on: bool = False) -> None:
        """End all clips; `goes_on` says that a successor of this process goes on with them.

        It begins those that have no picture yet anew, by their wishes and events.
        """
        for clip in self._clips:
            clip.end(goes_on=goes_on)
        if not goes_on:
            _tell_lost(self._clips, "the line stops")
        self._clips.clear()

    def _find(self, name: str, camera: str) -> Clip | None:
        return next((c for c in self._clips if (c.name, c.camera) == (name, camera)), None)

    def _begin(
        self, name: str, rule: ClipRule, camera: str, at_ns: int, *, seconds: float = 0.0,
        group: str = "", part: int = 0, begin_ns: int | None = None, until_ns: int = 0,
        wish: Wish | None = None,
    ) -> Clip:  # fmt: skip
        clip = Clip(
            name, rule, camera, at_ns, self._packets, self._archive, self._finisher,
            self._memory(camera), self._model,
            seconds=seconds, group=group, part=part, begin_ns=begin_ns,
            not_before_ns=self._begin_ns(camera), until_ns=until_ns, wish=wish,
        )  # fmt: skip
        if not clip.has_pictures:
            logger.warning("{}: {}: a clip begins without what was before: no pictures are kept",
                           camera, name)  # fmt: skip
        self._clips.append(clip)
        return clip

    def _begin_ns(self, camera: str) -> int:
        return self._pauses.begin_ns(camera)

    def _memory(self, camera: str) -> Sightings:
        return self._sightings.setdefault(camera, Sightings(self._seconds))


def _tell_lost(ended: Iterable[Clip], why: str) -> None:
    """Say which clips hold nothing; many of one rule and camera are one error."""
    lost = defaultdict[tuple[str, str, str], list[str]](list)
    for clip in ended:
        trouble = clip.trouble
        if not clip.is_kept and trouble != "":
            lost[clip.camera, clip.name, trouble or why].append(iso_utc(clip.at_ns))
    for (camera, name, reason), times in lost.items():
        more = f", and {len(times) - 1} more" if len(times) > 1 else ""
        logger.error("{}: {}: no clip of {}{}: {}", camera, name, times[0], more, reason)
