"""Capture: frames of one camera, file, folder or drawn scene into the camera's ring."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import numpy as np

from pipeline.logger import logger
from pipeline.loops.backoff import Retry
from pipeline.memory.counters import DropReason
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.ring import Area
from pipeline.memory.ring_layout import AreaSpec
from pipeline.redact import redact
from pipeline.source import (
    Captured,
    EndOfSource,
    Geometry,
    GeometryChanged,
    SourceError,
    SourceStalled,
)
from stages.config import V4l2Config
from stages.kernels.colour import to_bgr
from stages.kernels.picture import Picture, PictureFormat
from stages.kernels.pixels import Pixels
from stages.readers.camera import CameraReader, check_device
from stages.readers.file import FileReader
from stages.readers.folder import FolderReader
from stages.readers.freeze import FreezeGuard
from stages.readers.http.seen_pictures import SeenPictures
from stages.readers.images.suffixes import is_still_image
from stages.readers.network import connect_stream, file_options
from stages.readers.pace import Pace
from stages.readers.pipe import PipeConnection, PipeFileReader
from stages.readers.presence import make_presence
from stages.readers.rate_limit import RateLimit
from stages.readers.reader import FormatChanged, Reader
from stages.readers.stream import StreamReader
from stages.readers.uri import Address, Kind
from stages.slot import Slot, SlotShape


class CaptureOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where frames come from; `None` leaves a choice to the kind of source."""

    address: Address
    slots: int
    max_pixels: int
    retry: Retry
    silence_s: float
    freeze_s: float | None
    slot: SlotShape
    loop: bool
    live: bool | None
    realtime: bool | None
    rtsp_transport: Literal["tcp", "udp"]
    fps: float | None = None
    v4l2: V4l2Config | None = None
    packet_bytes: int = 0


class Capture:
    """One source. Files are read as fast as the line goes, scenes at their own speed.

    Writes `frame` and `format`.
    """

    Options = CaptureOptions

    def __init__(self, options: CaptureOptions, alive: Callable[[], None]) -> None:
        self._name = options.address.name
        self._max_pixels = options.max_pixels
        self._slot = options.slot
        self._reader = make_reader(options, alive)
        self._presence = make_presence(options.address.location)
        self.silence_s = options.silence_s
        self.packet_bytes = options.packet_bytes
        self.lossless = not options.address.is_live if options.live is None else not options.live
        is_scene = options.address.kind is Kind.SCENE
        realtime = is_scene if options.realtime is None else options.realtime
        has_pace = isinstance(self._reader, StreamReader)  # its own
        self._pace = Pace() if realtime and not has_pace else None
        is_camera = (
            options.address.kind is Kind.CAMERA
        )  # other readers know what need not be decoded
        self._limit = RateLimit(options.fps if is_camera else None)
        self._freeze = None
        if options.freeze_s is not None and not self.lossless:
            self._freeze = FreezeGuard(options.freeze_s)

    def keep_packets(self, ring: PacketRing) -> None:
        if isinstance(self._reader, StreamReader | FileReader):  # others make whole pictures
            self._reader.packets = ring

    def open(self, first_frame: int) -> Geometry:
        if self._freeze is not None:
            self._freeze.reopen()
        if self._pace is not None:
            self._pace = Pace()
        form = self._reader.open(first_frame)
        if self._presence is not None:
            self._presence.forget()
        return self._accept(form)

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        return self._slot.areas(self._form)

    def read(self, slot: Mapping[str, Area]) -> Captured | None:
        picture = Slot(slot).write_format(self._form, self._reader.pts_origin)
        try:
            captured = self._read(picture)
        except FormatChanged as change:
            raise GeometryChanged(self._accept(change.form)) from None
        if captured is None or not self._limit.wants(captured.pts_ns):
            return None
        self._limit.take(captured.pts_ns)
        if self._freeze is not None and not self._freeze.is_moving(picture.planes[0]):
            return None
        return captured

    def take_losses(self) -> Mapping[DropReason, int]:
        return self._reader.take_losses()

    def is_back(self) -> bool:
        return self._presence is not None and self._presence.has_returned()

    def close(self) -> None:
        self._reader.close()

    def _read(self, picture: Picture) -> Captured | None:
        if self._pace is None:
            return self._reader.read(picture)
        pts_ns = self._pace.read(lambda: self._fetch(picture))
        return None if pts_ns is None else Captured(pts_ns)

    def _fetch(self, picture: Picture) -> int:
        captured = self._reader.read(picture)
        assert captured is not None, "a source with a pace has each frame when it is asked"
        return captured.pts_ns

    def _accept(self, form: PictureFormat) -> Geometry:
        """The size of the frames that come next, unless they are too large."""
        width, height = form.display_wh
        if max(form.width * form.height, width * height) > self._max_pixels:
            raise SourceError(
                f"{redact(self._name)}: expected frames of at most {self._max_pixels} pixels "
                f"(ring.max_pixels), got {width}x{height}"
            )
        self._form = form
        return Geometry(width, height)


def make_reader(options: CaptureOptions, alive: Callable[[], None]) -> Reader:
    """The reader for an address."""
    kind, location, loop = options.address.kind, options.address.location, options.loop
    if kind is Kind.SCENE:
        from stages.readers.scene import SceneReader  # 60 ms of imports that no camera needs

        return SceneReader(location)
    if kind is Kind.FOLDER or (kind is Kind.FILE and is_still_image(location)):
        return FolderReader(location, loop=loop, max_pixels=options.max_pixels, alive=alive)
    if kind is Kind.FILE:
        name = options.address.name
        return FileReader(f"file:{location}", name=name, loop=loop, fps=options.fps, alive=alive)
    if kind is Kind.CAMERA:
        return CameraReader(location, options.v4l2 or V4l2Config(), options.silence_s)
    return _make_stream_reader(options, alive)


def _make_stream_reader(options: CaptureOptions, alive: Callable[[], None]) -> Reader:
    """Of what others send: over the network, or through a pipe."""
    address, silence_s, fps = options.address, options.silence_s, options.fps
    name, url = address.name, address.location
    if address.kind is Kind.PIPE:
        pipe = PipeConnection(address, silence_s)
        if options.live is False:
            return PipeFileReader(pipe, fps=fps, alive=alive)
        return StreamReader(name, pipe.connect, silence_s=silence_s, fps=fps, alive=alive)
    if options.live is False:
        return FileReader(
            url, name=name, loop=options.loop, fps=fps, alive=alive,
            options=file_options(url, options.rtsp_transport), silence_s=silence_s,
        )  # fmt: skip
    seen = SeenPictures()
    return StreamReader(
        name,
        lambda: connect_stream(
            url, options.rtsp_transport, silence_s, seen, with_sound=options.packet_bytes > 0
        ),
        silence_s=silence_s,
        fps=fps,
        alive=alive,
    )


def probe(options: CaptureOptions) -> None:
    """Open a source as a run would, and close it, where that disturbs nobody.

    A file gives its first image. A camera of this machine only says that it is there: it may be
    plugged in later. Pipes can be read but once, and network cameras may count each connection.

    Raises:
        SourceError: a file or folder cannot be read.
    """
    if options.address.kind is Kind.CAMERA:
        try:
            check_device(options.address.location)
        except SourceError as error:
            logger.warning("{}; a run waits until it is", error)
    elif options.address.is_file:
        with contextlib.closing(Capture(options, lambda: None)) as source:
            source.open(0)


def grab(options: CaptureOptions) -> Pixels:
    """The first frame of a source as it is displayed: upright, (H, W, 3) in BGR, square pixels.

    Raises:
        SourceError: it cannot be opened or has no frame; a live one, within `silence_s`.
    """
    slot_shape = msgspec.structs.replace(options.slot, canvas=True)
    options = msgspec.structs.replace(options, freeze_s=None, slot=slot_shape)
    name = redact(options.address.name)
    with contextlib.closing(Capture(options, lambda: None)) as source:
        try:
            slot = _read_first(source)
        except EndOfSource:
            raise SourceError(f"{name}: expected at least one frame, got none") from None
    if slot is None:
        raise SourceStalled(f"{name}: no frame for {options.silence_s:g} s")
    to_bgr(slot.picture, slot.canvas)
    return slot.canvas


def _read_first(source: Capture) -> Slot | None:
    """The first frame, in memory of its own; None if a live source has none for so long."""
    areas = source.areas(source.open(0))
    deadline = time.monotonic() + source.silence_s
    while source.lossless or time.monotonic() < deadline:
        slot = {name: np.zeros(spec.shape, spec.dtype) for name, spec in areas.items()}
        try:
            if source.read(slot) is not None:
                return Slot(slot)
        except GeometryChanged as change:
            areas = source.areas(change.geometry)
    return None
