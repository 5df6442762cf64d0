"""The model files that come with ThunderLine, which have names."""

import os
from pathlib import Path

ZOO = Path(__file__).parents[2] / "models/zoo"
DEFAULT = "thundernet-snet49-street11"


def shipped_path(name: str) -> Path:
    """Where the shipped model of that name lies, or would lie."""
    return ZOO / f"{name}.onnx"


def is_shipped(name: str) -> bool:
    """Whether a shipped model has that name; what has a folder or a suffix is a file's."""
    return "/" not in name and "\0" not in name and shipped_path(name).is_file()


def shipped_names() -> list[str]:
    """The names of all."""
    return sorted(path.stem for path in ZOO.glob("*.onnx"))


def find_model(model: Path | str) -> str:
    """The path of a model that is given by its file or, if it is shipped, by its name.

    A file goes before a shipped model of the same name.
    """
    text = str(model)
    return str(shipped_path(text)) if is_shipped(text) and not os.path.lexists(text) else text
