"""Where the pictures come from: the command line's options for it, and what they mean."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from models.data.report import DataReport
from models.evaluate.command import read_judged
from models.visualize.labelled_image import LabelledImage, draw_street, read_files, read_labelled

STREET_WH = (640, 480)
SOURCES = ("files", "data", "voc", "coco", "street")


class PictureError(RuntimeError):
    """A request that leads to no picture."""


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Where pictures come from: files without truth, or one of the sets with it."""
    parser.add_argument("files", nargs="*", type=Path, help="image files")
    parser.add_argument("--data", type=Path, help="COCO JSON, tars beside it")
    parser.add_argument("--voc", type=Path, help="VOCdevkit/VOC2007 or the like")
    parser.add_argument("--split", default="test", help="with --voc: a list in ImageSets/Main")
    parser.add_argument("--coco", type=Path, help="COCO JSON")
    parser.add_argument("--images", type=Path, help="with --coco: folder of the images")
    parser.add_argument("--street", type=int, metavar="SEED", help="frames of a drawn street")
    parser.add_argument("--limit", type=int, default=8, help="of a set or a street; default 8")


def read_exhibits(options: argparse.Namespace, report: DataReport) -> list[LabelledImage]:
    """The pictures that the options name.

    Raises:
        PictureError: none is named, several sources are, or not one picture can be read.
    """
    given = [name for name in SOURCES if getattr(options, name) not in (None, [])]
    if len(given) != 1:
        raise PictureError(
            "expected image files or one of --data, --voc, --coco and --street, "
            f"got {', '.join(given) or 'none'}"
        )
    if options.limit < 1:
        raise PictureError(f"--limit: expected at least 1, got {options.limit}")
    exhibits = list(iterate_exhibits(options, report))
    if not exhibits:
        reasons = "; ".join(report.lines()) or "the set lists none"
        raise PictureError(f"expected at least one readable picture: {reasons}")
    return exhibits


def iterate_exhibits(options: argparse.Namespace, report: DataReport) -> Iterator[LabelledImage]:
    if options.files:
        return read_files(options.files, report)
    if options.street is not None:
        return draw_street(options.street, STREET_WH, options.limit)
    judged, _ = read_judged(options, report)
    return read_labelled(judged, options.limit, report)
