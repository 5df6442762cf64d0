"""The files that a run reads, of which no recording may be one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stages.config import LineConfig
from stages.readers.images.suffixes import is_image
from stages.readers.uri import file_path, is_scene

_ROOT = Path(__file__).resolve().parents[2]
_CODE = ("pipeline", "stages", "models", "configs")
_CODE_SUFFIXES = (
    ".c", ".css", ".html", ".js", ".md", ".onnx", ".py", ".so", ".svg", ".toml", ".txt", ".yaml",
)  # fmt: skip
_STREAMS = ("stdin", "stdout", "stderr")


class Input(NamedTuple):
    """A file that the run reads; `what` is the end of "that is ..."."""

    what: str
    path: Path


def find_inputs(config: LineConfig, model_path: str, config_path: Path | None) -> Iterator[Input]:
    """A folder, and each image in it; single files."""
    for source in source_files(config):
        yield source
        if source.path.is_dir():
            yield from _images(source)
    yield Input("the model file", Path(model_path))
    if config_path is not None:
        yield Input("the configuration", config_path)
    publish = config.publish
    if publish.secret_key is not None:
        yield Input("the key file of publish.secret_key", Path(publish.secret_key))
    if publish.clients is not None:
        for path in Path(publish.clients).glob("*.key"):
            yield Input("a key file of publish.clients", path)
    if publish.endpoint.startswith("ipc://"):
        yield Input("the socket of publish.endpoint", Path(publish.endpoint.removeprefix("ipc://")))
    if config.web is not None:
        for key in ("token_file", "certificate", "key"):
            if (name := getattr(config.web, key)) is not None:
                yield Input(f"the file of web.{key}", Path(name))
    if config.mqtt is not None:
        for key in ("password_file", "ca", "certificate", "key"):
            if (name := getattr(config.mqtt, key)) is not None:
                yield Input(f"the file of mqtt.{key}", Path(name))
        yield Input("the file of mqtt.outbox", Path(config.mqtt.outbox.path))
    if config.fleet is not None:
        for key in ("password_file", "ca", "certificate", "key"):
            if (name := getattr(config.fleet, key)) is not None:
                yield Input(f"the file of fleet.{key}", Path(name))
        yield Input("the file of fleet.outbox", Path(config.fleet.outbox.path))
    for stream in _STREAMS:
        if (path := Path("/dev") / stream).is_file():
            yield Input(f"what {stream} is connected to", path)
    yield from (Input("a file of ThunderLine", path) for path in _code_files())


def source_files(config: LineConfig) -> Iterator[Input]:
    """Files and folders of the sources."""
    for source, name in zip(config.sources, config.camera_names, strict=True):
        path = Path(file_path(source.uri))
        if is_scene(source.uri) or not _exists(path):
            continue
        yield Input(f"the folder of source {name}" if path.is_dir() else f"source {name}", path)


def _images(folder: Input) -> Iterator[Input]:
    with contextlib.suppress(OSError):  # its reader says what is wrong
        for entry in folder.path.iterdir():
            if is_image(entry):
                yield Input(f"an image in {folder.what}", entry)


def _code_files() -> Iterator[Path]:
    """What the line consists of. By suffix: recordings may lie between."""
    for found in (_ROOT.iterdir(), *((_ROOT / folder).rglob("*") for folder in _CODE)):
        yield from (path for path in found if path.suffix in _CODE_SUFFIXES)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
