"""The model files that come with ThunderLine, which have names."""

from pathlib import Path

ZOO = Path(__file__).parents[2] / "models/zoo"


def shipped_path(name: str) -> Path:
    """Where the shipped model of that name lies, or would lie."""
    return ZOO / f"{name}.onnx"


def is_shipped(name: str) -> bool:
    """Whether a shipped model has that name; what has a folder or a suffix is a file's."""
    return "/" not in name and "\0" not in name and shipped_path(name).is_file()
