"""The clips that are being written, by rule and camera."""

from collections.abc import Iterable, Mapping

from pipeline.client import DetectionMessage, EventMessage, ModelInfo
from pipeline.logger import logger
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS
from stages.services.archive.sidecar import Sidecar
from stages.services.archive.wishes import ALL, Wish
from stages.services.recorder.beat import Beat, unheard
from stages.services.recorder.clip import Clip
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

    def hear(self, event: EventMessage) -> None:
        if event.camera in self._pauses or event.captured_unix_ns < self._begin_ns(event.camera):
            return
        for name, rule in self._rules.items():
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

    def wish(self, wish: Wish) -> None:
        """What somebody has asked for by hand."""
        for camera in self._cameras:
            if wish.camera not in (camera, ALL):
                continue
            if camera in self._pauses:
                logger.warning("{}: no clip, as its recording is switched off", camera)
                continue
            self._begin(ASKED, _BY_HAND, camera, wish.at_ns, seconds=wish.seconds)

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
        for clip in list(self._clips):
            beat()
            if not clip.take_turn(now_ns):
                self._clips.remove(clip)
                clip.end()

    def pause(self, camera: str) -> None:
        """End the clips of the camera; nothing of it is remembered."""
        self._sightings.pop(camera, None)
        for clip in [clip for clip in self._clips if clip.camera == camera]:
            self._clips.remove(clip)
            clip.end()

    def end(self, *, goes_on: bool = False) -> None:
        """End all clips; `goes_on` says that a successor of this process goes on with them."""
        for clip in self._clips:
            clip.end(goes_on=goes_on)
        self._clips.clear()

    def _find(self, name: str, camera: str) -> Clip | None:
        return next((c for c in self._clips if (c.name, c.camera) == (name, camera)), None)

    def _begin(
        self, name: str, rule: ClipRule, camera: str, at_ns: int, *, seconds: float = 0.0,
        group: str = "", part: int = 0, begin_ns: int | None = None, until_ns: int = 0,
    ) -> Clip:  # fmt: skip
        clip = Clip(
            name, rule, camera, at_ns, self._packets, self._archive, self._finisher,
            self._memory(camera), self._model,
            seconds=seconds, group=group, part=part, begin_ns=begin_ns,
            not_before_ns=self._begin_ns(camera), until_ns=until_ns,
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
