"""A camera that was made up, with sound: a tone begins with every tenth picture."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.memory.packet import PacketFlag, Track
from stages.services.archive.layout import NS
from tests.stages.services.recorder.camera import FPS, STEP_NS, MadeUpCamera

RATE, SAMPLES = 16_000, 1024
EVERY_S = 10 / FPS  # between two tones
_SECONDS = 120  # of sound, at most
_TONE_S, _TONE_HZ = 0.2, 1000


@cache
def spoken(rate: int = RATE) -> tuple[bytes, tuple[bytes, ...]]:
    """The configuration of AAC, and its frames from the time 0 on."""
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "fltp"
    encoder.time_base = Fraction(1, rate)
    times = np.arange(_SECONDS * rate) / rate
    tones = np.sin(2 * np.pi * _TONE_HZ * times) * (times % EVERY_S < _TONE_S) * 0.5
    packets = []
    for begin in range(0, len(tones) - SAMPLES, SAMPLES):
        samples = tones[begin : begin + SAMPLES].astype(np.float32)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, encoder.time_base
        packets += encoder.encode(frame)
    return bytes(encoder.extradata), tuple(bytes(p) for p in packets if p.pts >= 0)


class TalkingCamera(MadeUpCamera):
    """Its sound comes so much later than the pictures beside it, or earlier.

    Args:
        begins: the picture from which on there is sound.
    """

    def __init__(
        self, folder: Path, late_s: float = 0.0, *, begins: int = 0, rate: int = RATE,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(folder, **options)
        self._late_ns = round(late_s * NS)
        self._config, self.frames = spoken(rate)
        self._rate = rate
        self.heard = 0  # frames of sound that were sent
        self._begins = begins
        if not begins:
            self._begin_sound()

    def send(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            if self.sent == self._begins > 0:
                self._begin_sound()
                self.heard = self.sent * STEP_NS * self._rate // NS // SAMPLES
            super().send(1 / FPS)
            if self.sent > self._begins:
                self._speak(self.sent * STEP_NS - self._late_ns)

    def be_silent(self, seconds: float) -> None:
        self._speak(self.sent * STEP_NS)
        super().be_silent(seconds)

    def talk_on(self, seconds: float) -> None:
        """Sound comes, and no pictures; what is said then is said again with them."""
        heard = self.heard
        self._speak(self.sent * STEP_NS + round(seconds * NS))
        self.heard = heard

    def _begin_sound(self) -> None:
        sound = Track("audio", "aac", self._config, (1, self._rate), sample_rate=self._rate,
                      channels=1)  # fmt: skip
        self._ring.begin((self._track, sound))

    def _speak(self, until_ns: int) -> None:
        """Send the sound that begins before a time of the pictures."""
        while (at := self.heard * SAMPLES) * NS < until_ns * self._rate:
            pts_ns = at * NS // self._rate + self._shift_ns
            self._ring.put(
                self.frames[self.heard],
                flags=PacketFlag.NONE,
                pts=at,
                dts=at,
                duration=SAMPLES,
                pts_ns=pts_ns,
                arrived_unix_ns=self._begin_ns + pts_ns + self._late_ns,
                track=1,
            )
            self.heard += 1


def frames_of(path: Path) -> list[bytes]:
    """The sound of a film, as it was coded."""
    with av.open(str(path)) as film:
        return [bytes(p) for p in film.demux(audio=0) if p.size] if film.streams.audio else []


def tones_of(path: Path) -> list[float]:
    """When the tones of a film begin, in seconds."""
    with av.open(str(path)) as film:
        sound: Any = film.streams.audio[0]
        begins, loud_s = list[float](), -1.0
        for frame in film.decode(sound):
            loud = np.abs(frame.to_ndarray()[0]) > 0.1
            for i in np.flatnonzero(loud):
                at_s = frame.time + i / frame.sample_rate
                if at_s - loud_s > 0.3:
                    begins.append(float(at_s))
                loud_s = at_s
    return begins
