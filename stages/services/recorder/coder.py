"""H.264 of cameras that send none: raw and JPEG cameras, folders and scenes.

It is made of copies of the frames, here and not in the line: frames that are gone before they are
copied are missing in the film, and no frame waits for it.
"""

from collections.abc import Collection

import numpy as np

from pipeline.client import DetectionMessage
from pipeline.logger import logger
from pipeline.service import FrameView, Packet, PacketFlag, PacketView, Track
from stages.kernels.colour import to_bgr
from stages.kernels.pixels import Pixels
from stages.services.media.h264_encoder import TICKS, Coded, H264Encoder, NoEncoder
from stages.services.media.nal_units import START_CODE, h264_sets
from stages.services.recorder.packet_source import OwnReader, OwnRing, Reader
from stages.slot import Slot

_RING_BYTES = 16 << 20
_AREAS = ("frame", "format")


class CodedPackets:
    """The packets of all cameras: what they send, or else what is coded here.

    Args:
        wanted: cameras that may be recorded at any time. Of others nothing is coded unless `code`
            asks for it.
    """

    def __init__(self, packets: PacketView, frames: FrameView, wanted: Collection[str]) -> None:
        self._packets = packets
        self._frames = frames
        self._wanted = frozenset(wanted)
        self._coders = {camera: Coder() for camera in wanted}

    def code(self, cameras: Collection[str]) -> None:
        """Code these, too, for as long as they are named."""
        for camera in self._coders.keys() - self._wanted - frozenset(cameras):
            del self._coders[camera]
        for camera in cameras:
            self._coders.setdefault(camera, Coder())

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
        self._encoder: H264Encoder | None = None
        self._epoch = -1
        self._generation = 0
        self._last_ticks = -1
        self._refused_wh: tuple[int, int] | None = None  # no encoder takes these, which was told

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
        encoder = self._encoder
        is_new = encoder is None or (self._epoch, encoder.size_wh) != (
            result.epoch,
            (width, height),
        )
        if encoder is None or is_new:
            if (width, height) == self._refused_wh:
                return
            try:
                encoder = self._encoder = H264Encoder((width, height))
            except NoEncoder as error:
                self._refused_wh = width, height
                logger.error("{}: cannot be recorded: {}", result.camera, error)
                return
            self._epoch, self._last_ticks = result.epoch, -1
        ticks = result.pts_ns * TICKS // 1_000_000_000
        if ticks <= self._last_ticks:  # told again
            return
        self._last_ticks = ticks
        coded = encoder.encode(image, ticks)
        if is_new:
            self._begin(coded, width, height)
        self._put(coded, ticks, result)

    def _begin(self, first: Coded, width: int, height: int) -> None:
        self._generation += 1
        sets = b"".join(START_CODE + unit for unit in h264_sets(first.data))
        track = Track("video", "h264", sets, (1, TICKS), width, height)
        self._ring.tracks = {
            number: tracks
            for number, tracks in self._ring.tracks.items()
            if number >= self._generation - 2
        } | {self._generation: (track,)}

    def _put(self, coded: Coded, ticks: int, result: DetectionMessage) -> None:
        self._ring.put(
            Packet(
                number=self._ring.next_number,
                generation=self._generation,
                track=0,
                flags=PacketFlag.KEY if coded.is_key else PacketFlag.NONE,
                pts=ticks,
                dts=ticks,
                duration=0,
                pts_ns=result.pts_ns,
                arrived_unix_ns=result.captured_unix_ns,
                data=coded.data,
            )
        )
