"""What an address names: the one place that decides it.

An address is decided once, in the process that reads the configuration, and travels to the capture
process with all that depends on the first one: its working directory and its open files.
"""

import enum
import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from pipeline.source import SourceError
from stages.scene.options import SceneError, parse_scene_uri

MOST_CAMERAS = 256  # minor numbers of V4L2
_V4L2_MAJOR = 81
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NUMBER = re.compile(r"[0-9]+")
_DESCRIPTOR = re.compile(r"(?:-|pipe:|/dev/stdin|(?:pipe:|fd:|/dev/fd/|/proc/self/fd/)([0-9]+))")
_NO_CAMERAS = ("/dev/shm/", "/dev/fd/", "/dev/stdin")
_ODD = {
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFSOCK: "a socket",
}


class Kind(enum.StrEnum):
    """The kinds of source."""

    SCENE = "scene"
    CAMERA = "camera"  # of this machine
    FILE = "file"
    FOLDER = "folder"
    PIPE = "pipe"  # whatever somebody else writes while the line reads
    STREAM = "stream"  # over the network


class Address(msgspec.Struct, frozen=True):
    """A source: its kind, what the user calls it, and what is opened."""

    kind: Kind
    name: str
    location: str  # a path that no decoder takes for a URL, or a URL

    @property
    def is_file(self) -> bool:
        """Whether it can be read again from the start, and every frame counts."""
        return self.kind in (Kind.FILE, Kind.FOLDER)

    @property
    def is_live(self) -> bool:
        """Whether the newest frame matters more than every frame."""
        return self.kind in (Kind.CAMERA, Kind.PIPE, Kind.STREAM)


def parse_address(uri: str) -> Address:
    """What the address names.

    A name of a file or folder that exists means that one, whatever else it looks like. Spaces at
    the ends count in such a name only.

    Raises:
        SourceError: nothing can be read there, which is known before anything starts.
    """
    address = look_up(uri)
    if "\0" in address.location and address.kind in (Kind.CAMERA, Kind.PIPE):
        raise SourceError(f"{uri}: no such file, folder or camera")
    if address.kind is Kind.SCENE:
        _check_scene(address)
    elif address.kind is Kind.CAMERA:
        _check_camera(address)
    elif address.kind in (Kind.FILE, Kind.PIPE):
        _check_path(address)
    return address


def look_up(uri: str) -> Address:
    """What the address would name if it were there."""
    text = uri.strip()
    if url := _URL.match(text):
        scheme, rest = url[1].lower(), text[url.end() :]
        if scheme == "scene":
            return Address(Kind.SCENE, uri, f"scene://{rest}")
        if scheme != "file":
            return Address(Kind.STREAM, uri, f"{scheme}://{rest}")
        return _look_up_path(uri, _path_of_url(text))
    for path in (uri, os.path.expanduser(uri), text, os.path.expanduser(text)):
        if _mode(path):
            return _look_up_path(uri, path)
    if text.startswith("scene:"):
        return Address(Kind.SCENE, uri, text)
    if _NUMBER.fullmatch(text):
        return Address(Kind.CAMERA, uri, f"/dev/video{text.lstrip('0') or '0'}")
    return _look_up_path(uri, text)


def beside(uri: str, folder: Path) -> str:
    """The address as it is meant in a file of that folder: a relative path is below the folder.

    As everywhere, what is there goes first: `0` is a file if the folder has one of that name.
    """
    text = uri.strip()
    if _URL.match(text) or text.startswith(("/", "~", "scene:")) or not text:
        return uri
    for name in (uri, text):
        if _mode(path := os.path.join(folder, name)):
            return path
    if _NUMBER.fullmatch(text) or _DESCRIPTOR.fullmatch(text):
        return uri
    return os.path.join(folder, text)


def is_scene(uri: str) -> bool:
    return look_up(uri).kind is Kind.SCENE


def is_camera(uri: str) -> bool:
    """A camera of this machine: an index or a device."""
    return look_up(uri).kind is Kind.CAMERA


def is_pipe(uri: str) -> bool:
    """Standard input, another open file descriptor that is a pipe, or a FIFO."""
    return look_up(uri).kind is Kind.PIPE


def is_file(uri: str) -> bool:
    """A file or folder, which can be read again from the start."""
    return look_up(uri).is_file


def file_path(uri: str) -> str:
    """The path of a file or folder, which may be given as a URL too."""
    return look_up(uri).location


def is_live(uri: str) -> bool:
    """Whether the newest frame matters more than every frame: cameras, pipes, network streams."""
    return look_up(uri).is_live


def _look_up_path(uri: str, path: str) -> Address:
    descriptor = _DESCRIPTOR.fullmatch(path)
    if descriptor and not (_mode(path) and not path.startswith("/")):
        # The capture process finds the files of this process here; they stay open as long as it.
        path = f"/proc/{os.getpid()}/fd/{descriptor[1] or 0}"
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        kind = Kind.FOLDER
    elif stat.S_ISFIFO(mode) or (descriptor and not mode):
        kind = Kind.PIPE
    elif _is_device(path, mode):
        kind = Kind.CAMERA
    else:
        kind = Kind.FILE
    colon_first = ":" in path.partition("/")[0]  # FFmpeg would take it for a protocol
    return Address(kind, uri, f"./{path}" if colon_first else path)


def _is_device(path: str, mode: int) -> bool:
    """Whether the path is a camera, or may become one when it is plugged in."""
    if mode:
        return stat.S_ISCHR(mode) and os.major(os.stat(path).st_rdev) == _V4L2_MAJOR
    return path.startswith("/dev/") and not path.startswith(_NO_CAMERAS)


def _mode(path: str) -> int:
    """The mode of what is there; 0 where nothing is, or nothing can be seen."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):  # a null byte
        return 0


def _path_of_url(url: str) -> str:
    """The path in a `file://` URL; nothing in one of another machine."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no IPv6 address
        return ""
    path = unquote(parts.path, errors="surrogateescape")
    return path if parts.netloc in ("", "localhost") else ""


def _check_scene(address: Address) -> None:
    try:
        parse_scene_uri(address.location)
    except SceneError as error:
        raise SourceError(str(error)) from None


def _check_camera(address: Address) -> None:
    number = address.location.removeprefix("/dev/video")
    if _NUMBER.fullmatch(number) and not (len(number) < 4 and int(number) < MOST_CAMERAS):
        raise SourceError(
            f"{address.name}: no such file or folder, and the cameras of this machine have the "
            f"numbers 0 to {MOST_CAMERAS - 1}"
        )


def _check_path(address: Address) -> None:
    """Refuse what is not there, and what is there and cannot be read as video."""
    name, path = address.name, address.location
    if not path and name.strip():
        raise SourceError(f"{name}: expected file:///path, a file of this machine")
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        if path.startswith(f"/proc/{os.getpid()}/fd/"):
            number = path.rpartition("/")[2]
            raise SourceError(f"{name}: file descriptor {number} is not open") from None
        raise SourceError(f"{name}: no such file, folder or camera") from None
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise SourceError(f"{name}: {error.strerror}") from None
    if odd := _ODD.get(stat.S_IFMT(mode)):
        raise SourceError(f"{name}: expected a file, folder, pipe or camera, got {odd}")
