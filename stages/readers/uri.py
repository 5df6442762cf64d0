"""What kind of source an address names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.source import SourceError
from stages.scene.options import SceneError, parse_scene_uri


def is_scene(uri: str) -> bool:
    return uri.startswith("scene:")


def is_camera(uri: str) -> bool:
    """A camera of this machine: an index or a device."""
    return uri.isdecimal() or uri.startswith("/dev/")


def is_file(uri: str) -> bool:
    """A file or folder, which can be read again from the start."""
    local = "://" not in uri and not is_scene(uri) and not is_camera(uri)
    return local or _is_file_url(uri)


def file_path(uri: str) -> str:
    """The path of a file or folder, which may be given as a URL too."""
    return unquote(urlsplit(uri).path) if _is_file_url(uri) else uri


def _is_file_url(uri: str) -> bool:
    return uri.lower().startswith("file://")


def _names_this_machine(file_url: str) -> bool:
    try:
        return urlsplit(file_url).netloc in ("", "localhost")
    except ValueError:  # brackets that hold no IPv6 address
        return False


def is_live(uri: str) -> bool:
    """Whether the newest frame matters more than every frame: cameras and network streams."""
    return not is_scene(uri) and not is_file(uri)


def check_uri(uri: str) -> None:
    """Refuse before anything starts what can be known to be wrong. Raises SourceError."""
    if is_scene(uri):
        try:
            parse_scene_uri(uri)
        except SceneError as error:
            raise SourceError(str(error)) from None
    elif is_file(uri):
        if _is_file_url(uri) and not _names_this_machine(uri):
            raise SourceError(f"{uri}: expected file:///path, a file of this machine")
        try:
            there = Path(file_path(uri)).exists()
        except OSError as error:  # a name that is too long, a folder that may not be entered
            raise SourceError(f"{uri}: {error.strerror}") from None
        if not there:
            raise SourceError(f"{uri}: no such file, folder or camera")
