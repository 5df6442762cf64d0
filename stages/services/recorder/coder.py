"""H.264 of cameras that send none: raw and JPEG cameras, folders and scenes.

It is made of copies of the frames, here and not in the line: frames that are gone before they are
copied are missing in the film, and no frame waits for it.
"""

from collections.abc import Collection
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from loguru import logger

from pipeline.client import DetectionMessage
from pipeline.service import FrameView, Packet, PacketFlag, PacketView, Track
from stages.kernels.colour import to_bgr
from stages.kernels.pixels import Pixels
from stages.services.recorder.packet_source import OwnReader, OwnRing, Reader
from stages.slot import Slot

TICKS = 90_000
_GROUP_S = 2.0  # between key frames
_RING_BYTES = 16 << 20
_AREAS = ("frame", "format")
# Whichever the wheel of PyAV has. Fast rather than small: it shares a core with the line.
_CODERS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "superfast", "tune": "zerolatency", "crf": "25"},
    "libopenh264": {"rc_mode": "bitrate"},
}
_BIT_RATE = 4_000_000  # of the second one


class CodedPackets:
    """The packets of all cameras: what they send, or else what is coded here.

    Args:
        wanted: cameras that are recorded. Of others nothing is coded.
    """

    def __init__(self, packets: PacketView, frames: FrameView, wanted: Collection[str]) -> None:
        self._packets = packets
        self._frames = frames
        self._coders = {camera: Coder() for camera in wanted}

    def open(self, camera: str) -> Reader | None:
        reader = self._packets.open(camera)
        if reader is not None:
            return reader
        coder = self._coders.get(camera)
        return None if coder is None else coder.open()

    def see(self, result: DetectionMessage) -> None:
        """Code the frame of a result, if its camera is recorded and sends no packets."""
        coder = self._coders.get(result.camera)
        if coder is None or (not coder.has_begun and self._packets.open(result.camera)):
            return
        copy = self._frames.copy_frame(result.camera, result.frame_id, _AREAS)
        if copy is None or copy.epoch != result.epoch:
            return
        picture = Slot(copy.areas).picture
        width, height = picture.form.display_wh
        image = np.empty((height, width, 3), np.uint8)
        to_bgr(picture, image)
        coder.add(image, result)


class Coder:
    """Codes the frames of one camera into a ring of its own."""

    def __init__(self) -> None:
        self._ring = OwnRing(_RING_BYTES)
        self._encoder: Any = None
        self._of: tuple[int, ...] = ()  # epoch and size that the encoder is for
        self._generation = 0
        self._last_pts = -1
        self._key_ns = 0

    @property
    def has_begun(self) -> bool:
        return self._encoder is not None

    def open(self) -> OwnReader | None:
        """None before the first packet."""
        return self._ring.reader() if self._ring.packets else None

    def add(self, image: Pixels, result: DetectionMessage) -> None:
        """Code one frame, in BGR."""
        height, width = (side // 2 * 2 for side in image.shape[:2])  # chroma has half of each
        if not width or not height:
            return
        if self._of != (result.epoch, width, height):
            self._begin(result, width, height)
        pts = result.pts_ns * TICKS // 1_000_000_000
        if pts <= self._last_pts:  # told again
            return
        self._last_pts = pts
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image[:height, :width]), format="bgr24"
        ).reformat(format="yuv420p")
        frame.pts, frame.time_base = pts, Fraction(1, TICKS)
        if result.captured_unix_ns - self._key_ns >= _GROUP_S * 1e9:
            frame.pict_type = av.video.frame.PictureType.I
            self._key_ns = result.captured_unix_ns
        for packet in self._encoder.encode(frame):
            self._put(packet, result)

    def _begin(self, result: DetectionMessage, width: int, height: int) -> None:
        self._encoder = _make_encoder(width, height)
        self._of = (result.epoch, width, height)
        self._generation += 1
        self._last_pts, self._key_ns = -1, 0
        extradata = bytes(self._encoder.extradata or b"")
        track = Track("video", "h264", extradata, (1, TICKS), width, height)
        self._ring.tracks = {
            number: tracks
            for number, tracks in self._ring.tracks.items()
            if number >= self._generation - 2
        } | {self._generation: (track,)}

    def _put(self, packet: Any, result: DetectionMessage) -> None:
        self._ring.put(
            Packet(
                number=self._ring.next_number,
                generation=self._generation,
                track=0,
                flags=PacketFlag.KEY if packet.is_keyframe else PacketFlag.NONE,
                pts=packet.pts,
                dts=packet.pts if packet.dts is None else packet.dts,
                duration=0,
                pts_ns=result.pts_ns,
                arrived_unix_ns=result.captured_unix_ns,
                data=bytes(packet),
            )
        )


def _make_encoder(width: int, height: int) -> Any:
    """One that gives each frame's packet at once."""
    for name, options in _CODERS.items():
        try:
            encoder: Any = av.CodecContext.create(name, "w")
        except (av.error.FFmpegError, ValueError):
            continue
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base = Fraction(1, TICKS)
        encoder.thread_count = 1
        encoder.bit_rate = 0 if name == "libx264" else _BIT_RATE
        encoder.gop_size = 1000
        encoder.flags |= av.codec.context.Flags.global_header
        encoder.options = options
        encoder.open()
        logger.debug("codes {}x{} with {}", width, height, name)
        return encoder
    raise RuntimeError("expected PyAV with libx264 or libopenh264")
