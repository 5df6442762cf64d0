"""A folder of images as a source: one frame each, in the order of their names."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from pipeline.logger import logger
from pipeline.source import Captured, EndOfSource, SourceError
from stages.kernels.picture import Picture, PictureFormat, bgr_format
from stages.kernels.pixels import Pixels
from stages.readers.images.image_file import UnusableImage, load_image
from stages.readers.images.suffixes import SUFFIXES
from stages.readers.reader import FormatChanged, ImageReader

_FRAME_NS = 1_000_000_000  # images have no clock of their own: one second each
_NAMED = 5  # of the entries that are left out
_DIGITS = re.compile(r"([0-9]+)")


class FolderReader(ImageReader):
    """Reads every image once; one of another size begins a new epoch.

    Entries that are named like images and cannot be used are left out and take no number: frame `n`
    is the n-th image that can. They are named in one warning, when the last image was read.

    Args:
        path: a folder, or a single image.
        loop: begin again after the last image; time goes on.
        max_pixels: of an image; a larger one is left out.
        alive: called before each image.
    """

    def __init__(
        self,
        path: str,
        *,
        loop: bool = False,
        max_pixels: int = 1 << 25,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = Path(path)
        self._loop = loop
        self._max_pixels = max_pixels
        self._alive = alive
        self._names: list[str] | None = None  # in order; read once
        self._is_folder = True
        self._left_out: dict[str, str] = {}  # why, by name
        self._reported = 0
        self._position = 0  # of the next name
        self._usable = 0  # images of this round
        self._next = 0  # number of the next frame
        self._ahead: Pixels | None = None  # loaded and not delivered

    def open(self, first_frame: int) -> PictureFormat:
        if self._names is None:
            self._names = self._list()
        if first_frame != self._next:
            self._skip(first_frame)
        if self._ahead is None:
            self._ahead = self._load()
        return _format_of(self._ahead)

    def read(self, picture: Picture) -> Captured:
        if self._ahead is None:
            self._ahead = self._load()
        if self._ahead.shape != picture.bgr.shape:
            raise FormatChanged(_format_of(self._ahead))
        picture.bgr[:] = self._ahead
        self._ahead = None
        self._next += 1
        return Captured((self._next - 1) * _FRAME_NS)

    def close(self) -> None:
        """No file stays open between two images. An end before the last one is an end, too."""
        self._report()

    def _list(self) -> list[str]:
        if self._path.is_file():
            self._is_folder = False
            self._path, name = self._path.parent, self._path.name
            return [name]
        try:
            names = [name for name in os.listdir(self._path) if _suffix(name) in SUFFIXES]
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from None
        if not names:
            raise SourceError(
                f"{self._path}: expected images ({', '.join(sorted(SUFFIXES))}), got none"
            )
        # What shells do not list either: other systems keep their notes in such files.
        self._left_out = {name: "hidden" for name in names if name.startswith(".")}
        return sorted((name for name in names if not name.startswith(".")), key=natural_order)

    def _skip(self, first_frame: int) -> None:
        """Pass over the images before that frame: only decoding tells which can be used."""
        self._position = self._usable = self._next = 0
        self._ahead = None
        while self._next < first_frame:
            before = self._usable
            self._load()
            self._next += 1
            if self._usable <= before:  # a new round: whole ones need no decoding
                self._next += (first_frame - self._next) // before * before

    def _load(self) -> Pixels:
        """The next image that can be used."""
        assert self._names is not None, "load before open"
        while True:
            if self._position == len(self._names):
                self._end_round()
            name = self._names[self._position]
            self._position += 1
            if name in self._left_out:
                continue
            self._alive()
            try:
                image = load_image(self._path / name, self._max_pixels)
            except UnusableImage as error:
                self._left_out[name] = str(error)
                continue
            self._usable += 1
            return image

    def _end_round(self) -> None:
        """Begin again, or end: with an error where no image could be used."""
        if not self._usable:
            self._reported = len(self._left_out)
            if not self._is_folder:
                ((name, why),) = self._left_out.items()
                raise SourceError(f"{self._path / name}: expected an image: {why}")
            raise SourceError(
                f"{self._path}: expected images, got none that can be used: {self._describe(1)}"
            )
        self._report()
        if not self._loop:
            raise EndOfSource
        self._position = self._usable = 0

    def _report(self) -> None:
        count = len(self._left_out)
        if count > self._reported:
            self._reported = count
            entries = "entry" if count == 1 else "entries"
            logger.warning(
                "{}: left out {} {} with the name of an image: {}",
                self._path, count, entries, self._describe(_NAMED),
            )  # fmt: skip

    def _describe(self, most: int) -> str:
        """The first entries that are left out, with the reasons, and how many more there are."""
        names = sorted(self._left_out, key=natural_order)
        named = [f"{name}: {self._left_out[name]}" for name in names[:most]]
        more = [f"and {len(names) - most} more"] if len(names) > most else []
        return "; ".join([*named, *more])


def _format_of(image: Pixels) -> PictureFormat:
    return bgr_format(image.shape[1], image.shape[0])


def natural_order(name: str) -> tuple[list[str | int], str]:
    """Sorts as people count: `2.jpg` before `10.jpg`, and `b.jpg` before `C.jpg`."""
    parts = _DIGITS.split(name.casefold())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _suffix(name: str) -> str:
    """Of a hidden name too: `.jpg` is one."""
    return f".{name.lower().rpartition('.')[2]}" if "." in name else ""
