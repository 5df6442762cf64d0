"""Places in a configuration."""

from collections.abc import Sequence

KeyPath = tuple[str | int, ...]


def show_path(path: Sequence[str | int]) -> str:
    """As the errors of the configuration write it: `sources[0].uri`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")
