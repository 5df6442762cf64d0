"""Capture: frames of one camera, file, folder or drawn scene into the camera's ring."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.loops.backoff import Retry
from pipeline.memory.counters import DropReason
from pipeline.memory.ring import Area, AreaSpec
from pipeline.redact import redact
from pipeline.source import Captured, Geometry, GeometryChanged, SourceError
from stages.kernels.picture import Picture, PictureFormat
from stages.readers.file import FileReader
from stages.readers.folder import FolderReader
from stages.readers.freeze import FreezeGuard
from stages.readers.network import connect_stream, network_options
from stages.readers.pace import Pace
from stages.readers.presence import make_presence
from stages.readers.reader import FormatChanged, Reader
from stages.readers.stream import StreamReader
from stages.readers.uri import file_path, is_camera, is_file, is_live, is_scene
from stages.slot import Slot, SlotShape


class CaptureOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where frames come from; `None` leaves a choice to the kind of source."""

    uri: str
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


class Capture:
    """One source. Files are read as fast as the line goes, scenes at their own speed.

    Writes `frame` and `format`.
    """

    Options = CaptureOptions

    def __init__(self, options: CaptureOptions, alive: Callable[[], None]) -> None:
        self._uri = options.uri
        self._max_pixels = options.max_pixels
        self._slot = options.slot
        self._reader = make_reader(options, alive)
        self._presence = make_presence(options.uri)
        self.silence_s = options.silence_s
        self.lossless = not is_live(options.uri) if options.live is None else not options.live
        realtime = is_scene(options.uri) if options.realtime is None else options.realtime
        has_pace = isinstance(self._reader, StreamReader)  # its own
        self._pace = Pace() if realtime and not has_pace else None
        self._freeze = None
        if options.freeze_s is not None and not self.lossless:
            self._freeze = FreezeGuard(options.freeze_s)

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
        if captured is None or self._freeze is None:
            return captured
        return captured if self._freeze.is_moving(picture.planes[0]) else None

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
                f"{redact(self._uri)}: expected frames of at most {self._max_pixels} pixels "
                f"(ring.max_pixels), got {width}x{height}"
            )
        self._form = form
        return Geometry(width, height)


def make_reader(options: CaptureOptions, alive: Callable[[], None]) -> Reader:
    """The reader for an address, by what the address looks like."""
    uri = options.uri
    if is_scene(uri):
        from stages.readers.scene import SceneReader  # 60 ms of imports that no camera needs

        return SceneReader(uri)
    if is_file(uri):
        path = file_path(uri)
        if Path(path).is_dir():
            return FolderReader(path)
        return FileReader(f"file:{path}", name=uri, loop=options.loop, fps=options.fps, alive=alive)
    if is_camera(uri):
        from stages.readers.camera import CameraReader

        return CameraReader(uri)
    if options.live is False:
        return FileReader(
            uri, name=uri, loop=options.loop, fps=options.fps, alive=alive,
            options=network_options(uri, options.rtsp_transport), silence_s=options.silence_s,
        )  # fmt: skip
    return StreamReader(
        uri,
        lambda: connect_stream(uri, options.rtsp_transport, options.silence_s),
        silence_s=options.silence_s,
        fps=options.fps,
        alive=alive,
    )
