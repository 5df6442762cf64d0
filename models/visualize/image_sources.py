"""Where the images come from: the command line's options for it, and what they mean."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from models.arguments import parse_count
from models.data.report import DataReport
from models.evaluate.dataset_options import check_dataset_options, read_dataset
from models.visualize.labelled_image import LabelledImage, draw_street, read_files, read_labelled

STREET_WH = (640, 480)
SOURCES = ("files", "data", "voc", "coco", "street")


class RequestError(RuntimeError):
    """Options that nothing can be drawn from."""


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Where images come from: files without truth, or one of the sets with it."""
    parser.add_argument("files", nargs="*", type=Path, help="image files")
    parser.add_argument("--data", type=Path, help="COCO JSON, tars beside it")
    parser.add_argument("--voc", type=Path, help="VOCdevkit/VOC2007 or the like")
    parser.add_argument("--split", help="with --voc: a list in ImageSets/Main; default: test")
    parser.add_argument("--coco", type=Path, help="COCO JSON")
    parser.add_argument("--images", type=Path, help="with --coco: folder of the images")
    parser.add_argument("--street", type=int, metavar="SEED", help="frames of a drawn street")
    parser.add_argument(
        "--limit", type=parse_count, default=8, help="of a set or a street; default 8"
    )


def read_images(options: argparse.Namespace, report: DataReport) -> list[LabelledImage]:
    """The images that the options name.

    Raises:
        RequestError: none is named, several sources are, or not one image can be read.
        DataError: a set that cannot be read, or options that do not go together.
    """
    given = [name for name in SOURCES if getattr(options, name) not in (None, [])]
    if len(given) != 1:
        raise RequestError(
            "expected image files or one of --data, --voc, --coco and --street, "
            f"got {', '.join(given) or 'none'}"
        )
    check_dataset_options(options)
    images = list(iterate_images(options, report))
    if not images:
        reasons = "; ".join(report.lines()) or "the set lists none"
        raise RequestError(f"expected at least one readable image: {reasons}")
    return images


def iterate_images(options: argparse.Namespace, report: DataReport) -> Iterator[LabelledImage]:
    if options.files:
        return read_files(options.files, report)
    if options.street is not None:
        return draw_street(options.street, STREET_WH, options.limit)
    dataset, _ = read_dataset(options, report)
    return read_labelled(dataset, options.limit, report)
