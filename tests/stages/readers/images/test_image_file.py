import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.readers.images.image_file import UnusableImage, load_image
from stages.readers.images.suffixes import SUFFIXES, is_still_image
from tests.stages.readers.images import orientation

MOST = 1 << 20
WRITTEN = sorted(SUFFIXES - {".pnm", ".jpe", ".dib"})  # other names for the same


def texture(suffix: str, size: tuple[int, int] = (60, 40)) -> bytes:
    width, height = size
    image = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    if suffix in (".pgm", ".pbm"):
        image = np.ascontiguousarray(image[..., 0])
    return cv2.imencode(suffix, image)[1].tobytes()


def refuse(path: Path, max_pixels: int = MOST) -> str:
    with pytest.raises(UnusableImage) as refused:
        load_image(path, max_pixels)
    return str(refused.value)


@pytest.mark.parametrize("suffix", WRITTEN)
def test_each_kind_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(texture(suffix))
    image = load_image(path, MOST)
    assert image.shape == (40, 60, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("suffix", WRITTEN)
def test_a_file_that_is_cut_off_is_refused_at_any_length(tmp_path: Path, suffix: str) -> None:
    """Shown in part it would be half grey, and the detector would take that for the scene."""
    whole = texture(suffix)
    path = tmp_path / f"a{suffix}"
    for share in (0.01, 0.2, 0.5, 0.8, 0.95):
        path.write_bytes(whole[: int(len(whole) * share) or 1])
        assert refuse(path) in ("cut off or damaged", "no image, or cut off")


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_a_tiff_with_samples_that_are_not_read_is_not_called_damaged(
    tmp_path: Path, kind: type[np.generic], shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(cv2.imencode(".tiff", np.ones(shape, kind))[1].tobytes())
    bits = 8 * np.dtype(kind).itemsize
    assert refuse(path) == f"a TIFF with samples of {bits} bits, expected at most 16"


@pytest.mark.parametrize("suffix", WRITTEN)
def test_the_size_is_judged_before_a_pixel_is_decoded(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(texture(suffix))
    monkeypatch.setattr(cv2, "imdecode", None)
    assert refuse(path, 2399) == (
        "60x40 pixels, of which at most 2399 are allowed (ring.max_pixels)"
    )


TURNED = (
    orientation.jpeg, orientation.png, orientation.webp, orientation.tiff, orientation.avif
)  # fmt: skip


@pytest.mark.parametrize("asked", range(1, 9))
@pytest.mark.parametrize("make", TURNED)
def test_an_image_is_turned_as_it_asks_to_be(
    tmp_path: Path, make: Callable[[int], bytes], asked: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(make(asked))
    image = load_image(path, MOST)
    assert orientation.find_quarter(image) == orientation.EXPECTED[asked]


@pytest.mark.parametrize(("make", "why"), [
    (lambda path: path.write_bytes(b""), "empty"),
    (lambda path: path.write_text("text"), "no image, or cut off"),
    (lambda path: path.mkdir(), "Is a directory"),
    (lambda path: os.mkfifo(path), "no regular file"),
    (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    (lambda path: None, "No such file or directory"),
])  # fmt: skip
def test_what_is_no_image_is_refused_with_the_reason(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "a.jpg"
    make(path)
    assert refuse(path) == why


def test_a_file_too_large_to_be_an_image_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert refuse(path) == f"{1 << 40} bytes, of which {1 << 28} are allowed"


def test_a_damaged_png_says_nothing_into_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(texture(".png"))
    data[60] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(data)
    assert refuse(path) == "cut off or damaged"
    assert capfd.readouterr().err == ""


def test_a_gif_on_its_own_is_a_video() -> None:
    assert is_still_image("a.JPG")
    assert not is_still_image("a.gif")
    assert not is_still_image("a.mp4")
