"""Pictures of the newest results, made while somebody waits, once for all who want the same."""

import asyncio
from typing import NamedTuple

from pipeline.client import DetectionMessage
from pipeline.service import FrameCopy, FrameView
from stages.kernels.jpeg import encode_jpeg
from stages.services.drawing import AREAS, draw_result
from stages.services.web.feed import Feed, Heard

FIRST_S = 3.0  # for a picture to come, and besides for as long as results are late
MOST_LATE_S = 10.0


class Look(NamedTuple):
    """What somebody wants to see."""

    camera: str
    width: int | None = None  # pixels; that of the frame by default, which is never enlarged
    annotated: bool = True


class Photo(NamedTuple):
    """One frame as a JPEG file."""

    epoch: int
    frame_id: int
    captured_unix_ns: int
    jpeg: bytes


class Pictures:
    """Frames are read out of the ring when their result is there, so boxes lie where objects are.

    The slot of a frame may be written anew as soon as the frame has gone through the line. So a
    frame on its way is copied when its predecessor's slot is lost already, and waits for its result
    here: one per camera, while somebody looks.
    """

    def __init__(self, feed: Feed, frames: FrameView) -> None:
        self._feed = feed
        self._frames = frames
        self._waiting: dict[Look, list[asyncio.Future[Photo]]] = {}
        self._copies: dict[str, FrameCopy] = {}  # without a result yet, by camera
        self._made: dict[Look, Photo] = {}  # of the last result; emptied by the next

    async def first(self, look: Look) -> Photo | None:
        """A picture for somebody who has none; None if none comes in time.

        It may be that of a frame on its way, so late results are waited for.
        """
        message = await self._feed.result(look.camera, FIRST_S)
        if message is None:
            return None
        return await self.take(look, None, FIRST_S + min(message.age_ms / 1000, MOST_LATE_S))

    async def take(self, look: Look, after: Photo | None, patience_s: float) -> Photo | None:
        """The newest picture, and one that is newer than `after`; None if none comes in time."""
        with self._feed.listening(self._hear):
            message = self._feed.last(look.camera)
            if message is not None and not _is_of(after, message):
                photo = self._made.get(look)
                if photo is None or not _is_of(photo, message):
                    photo = self._make(message, look)
                if photo is not None:
                    return photo
            return await self._wait(look, patience_s)

    async def _wait(self, look: Look, patience_s: float) -> Photo | None:
        future = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(look, [])
        waiting.append(future)
        try:
            return await asyncio.wait_for(future, patience_s)
        except TimeoutError:
            return None
        finally:
            waiting.remove(future)
            if not waiting:
                self._waiting.pop(look, None)

    def _hear(self, heard: Heard) -> None:
        """Make what is waited for. Each who waits has this called, and the first finds work."""
        message = heard.message
        if not isinstance(message, DetectionMessage):
            return
        for look, waiting in self._waiting.items():
            futures = [future for future in waiting if not future.done()]
            if look.camera == message.camera and futures:
                photo = self._make(message, look)
                if photo is not None:
                    for future in futures:
                        future.set_result(photo)

    def _make(self, message: DetectionMessage, look: Look) -> Photo | None:
        """The picture, if the frame of this result is still somewhere."""
        copy = self._find(message)
        if copy is None:
            return None
        image = draw_result(copy, message, look.width, annotated=look.annotated)
        photo = Photo(message.epoch, message.frame_id, message.captured_unix_ns, encode_jpeg(image))
        self._made = {
            kept: made
            for kept, made in self._made.items()
            if kept.camera != look.camera or _is_of(made, message)
        } | {look: photo}
        return photo

    def _find(self, message: DetectionMessage) -> FrameCopy | None:
        camera = message.camera
        copy = self._copies.get(camera)
        if copy is not None and copy.frame_id == message.frame_id:
            return copy
        if copy is None or copy.frame_id < message.frame_id:
            copy = self._frames.copy_frame(camera, message.frame_id, AREAS)
            copy = copy or self._frames.copy_newest(camera, AREAS)
            if copy is None:
                self._copies.pop(camera, None)
                return None
            self._copies[camera] = copy
        return copy if copy.frame_id == message.frame_id else None

    def forget(self) -> None:
        """Drop what is kept, when nobody looks."""
        if not self._waiting:
            self._copies.clear()
            self._made.clear()


def _is_of(photo: Photo | None, message: DetectionMessage) -> bool:
    return photo is not None and (photo.epoch, photo.frame_id) == (message.epoch, message.frame_id)
