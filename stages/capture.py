"""Capture: frames of one camera, file, folder or drawn scene into the camera's ring."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from pipeline.loops.backoff import Retry
from pipeline.memory.ring import Area, AreaSpec
from pipeline.redact import redact
from pipeline.source import Geometry, SourceError
from stages.readers.ffmpeg_log import FfmpegLog
from stages.readers.folder import FolderReader
from stages.readers.freeze import FreezeGuard
from stages.readers.pace import Pace
from stages.readers.reader import Reader
from stages.readers.uri import file_path, is_file, is_live, is_scene
from stages.readers.video import VideoReader
from stages.slot import SlotShape


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


class Capture:
    """One source. Files are read as fast as the line goes, scenes at their own speed.

    Writes `frame`.
    """

    Options = CaptureOptions

    def __init__(self, options: CaptureOptions, alive: Callable[[], None]) -> None:
        self._uri = options.uri
        self._max_pixels = options.max_pixels
        self._slot = options.slot
        self._reader = make_reader(options, alive)
        self.silence_s = options.silence_s
        self.lossless = not is_live(options.uri) if options.live is None else not options.live
        realtime = is_scene(options.uri) if options.realtime is None else options.realtime
        self._pace = Pace() if realtime else None
        self._freeze = None
        if options.freeze_s is not None and not self.lossless:
            self._freeze = FreezeGuard(options.freeze_s)

    def open(self, first_frame: int) -> Geometry:
        if self._freeze is not None:
            self._freeze.reopen()
        if self._pace is not None:
            self._pace = Pace()
        geometry = self._reader.open(first_frame)
        if geometry.width * geometry.height > self._max_pixels:
            raise SourceError(
                f"{redact(self._uri)}: expected frames of at most {self._max_pixels} pixels "
                f"(ring.max_pixels), got {geometry.width}x{geometry.height}"
            )
        return geometry

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        return self._slot.areas(geometry.width, geometry.height)

    def read(self, frame: Area) -> int | None:
        if self._pace is None:
            pts_ns: int | None = self._reader.read(frame)
        else:
            pts_ns = self._pace.read(lambda: self._reader.read(frame))
        if pts_ns is None or self._freeze is None:
            return pts_ns
        return pts_ns if self._freeze.is_moving(frame) else None

    def close(self) -> None:
        self._reader.close()


def make_reader(options: CaptureOptions, alive: Callable[[], None]) -> Reader:
    """The reader for an address, by what the address looks like."""
    if is_scene(options.uri):
        from stages.readers.scene import SceneReader  # 60 ms of imports that no camera needs

        return SceneReader(options.uri)
    if is_file(options.uri):
        path = file_path(options.uri)
        return FolderReader(path) if Path(path).is_dir() else VideoReader(
            path, loop=options.loop, alive=alive
        )  # fmt: skip
    return VideoReader(
        options.uri,
        rtsp_transport=options.rtsp_transport,
        silence_s=options.silence_s,
        read_log=FfmpegLog().take,
    )
