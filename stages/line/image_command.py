"""What is in image files, without a line: `run_pipeline.py detect IMAGE...`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec

from pipeline import log
from pipeline.errors import LineError
from pipeline.log import say, say_error, say_json
from pipeline.shown_text import one_line
from stages.kernels.drawing.boxes import draw_detections
from stages.kernels.pixels import Pixels
from stages.model import load_detector
from stages.model.detector import InferenceError
from stages.model.image_detector import FoundObject, ImageDetector
from stages.model.model_file import ModelFileError
from stages.model.zoo import DEFAULT
from stages.readers.images.image_file import UnusableImage, load_image

MAX_PIXELS = 1 << 27
EXIT_OK, EXIT_SOME_FAILED, EXIT_REFUSED = 0, 1, 2

HELP = """Detect objects in image files.

    python run_pipeline.py detect a.jpg b.png             names, scores and boxes
    python run_pipeline.py detect a.jpg --json            one line of JSON for each image
    python run_pipeline.py detect *.jpg --out found       the images with what was found

Exit codes: 0 all were looked at; 1 some could not be read; 2 nothing was looked at.
"""


def parse_share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected 0 to below 1, got {text}")
    return value


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run_pipeline.py detect", description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument("--model", default=DEFAULT, metavar="FILE")
    parser.add_argument("--score-thresh", type=parse_share, metavar="P", help="0 to 1")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write images with boxes there")
    parser.add_argument("--json", action="store_true", help="one line for each image")
    return parser


def places_to_write(images: Sequence[Path], out: Path) -> list[Path]:
    """A JPEG for each image.

    Raises:
        LineError: two would have one name, or one would replace an image.
    """
    places = [out / f"{image.stem}.jpg" for image in images]
    for number, place in enumerate(places):
        if place in places[:number]:
            first = images[places.index(place)]
            both = one_line(f"{first} and {images[number]} would both be {place.name}")
            raise LineError(f"--out {out}: {both}")
        if place.exists() and any(place.samefile(image) for image in images if image.exists()):
            name = one_line(place.name)
            raise LineError(f"--out {out}: expected another folder than that of {name}")
    return places


def describe(image: Path, pixels: Pixels, found: Sequence[FoundObject], as_json: bool) -> str:
    if as_json:
        height, width = pixels.shape[:2]
        objects = [thing._asdict() for thing in found]
        name = str(image).encode(errors="backslashreplace").decode()  # JSON must be UTF-8
        row = {"image": name, "width": width, "height": height, "detections": objects}
        return msgspec.json.encode(row).decode()
    rows = [
        f"  {one_line(thing.label)} {100 * thing.score:.0f}% at "
        f"{', '.join(str(round(side)) for side in thing.box)}"
        for thing in found
    ]
    return "\n".join([f"{one_line(image)}: {len(found)} found", *rows])


def look(detector: ImageDetector, image: Path, place: Path | None, as_json: bool) -> None:
    """Say what is in one image, and draw it."""
    pixels = load_image(image, MAX_PIXELS)
    found = detector.find(pixels)
    (say_json if as_json else say)(describe(image, pixels, detector.name(found), as_json))
    if place is not None:
        draw_detections(pixels, found, detector.labels)
        if not cv2.imwrite(str(place), pixels):
            raise LineError(f"--out {one_line(place)}: cannot be written")


def run(options: argparse.Namespace) -> int:
    images: list[Path] = options.images
    places: Sequence[Path | None] = [None] * len(images)
    if options.out is not None:
        places = places_to_write(images, options.out)
        options.out.mkdir(parents=True, exist_ok=True)
    detector = load_detector(options.model, options.score_thresh)
    failed = 0
    for image, place in zip(images, places, strict=True):
        try:
            look(detector, image, place, options.json)
        except (UnusableImage, InferenceError) as error:
            say_error(one_line(f"error: {image}: {error}"))
            failed += 1
    if failed == len(images):
        return EXIT_REFUSED
    return EXIT_SOME_FAILED if failed else EXIT_OK


def detect_images(arguments: Sequence[str]) -> int:
    """The exit code of `run_pipeline.py detect` with these arguments."""
    options = make_parser().parse_args(arguments)
    log.configure("WARNING", "detect")
    cv2.setNumThreads(1)
    try:
        return run(options)
    except (LineError, ModelFileError) as error:
        say_error(f"error: {error}")
    except OSError as error:
        say_error(f"error: --out {options.out}: {error.strerror}")
    return EXIT_REFUSED
