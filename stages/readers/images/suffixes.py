"""What image files are called; apart from reading them, which needs OpenCV."""

from pathlib import Path

SUFFIXES = frozenset(
    {
        ".avif", ".bmp", ".dib", ".gif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png",
        ".pnm", ".ppm", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
_MOVING = frozenset({".gif"})  # on its own it is a video


def is_still_image(path: str) -> bool:
    """Whether a file that is given alone is an image, by its name."""
    return Path(path).suffix.lower() in SUFFIXES - _MOVING


def is_image(path: Path) -> bool:
    """Whether a folder of images delivers the file, by its name."""
    return path.suffix.lower() in SUFFIXES
