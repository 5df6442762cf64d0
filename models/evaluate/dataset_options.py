"""Which data set the options of a command name, and by which protocol it is scored."""

import argparse

from models.data.coco import read_coco
from models.data.report import DataError, DataReport
from models.data.voc import read_voc
from models.evaluate.evaluation_set import (
    EvaluationSet,
    make_evaluation_set,
    read_evaluation_set,
)
from models.evaluate.protocol import BY_SOURCE, COCO, VOC, Protocol

SPLIT = "test"


def check_dataset_options(options: argparse.Namespace) -> None:
    """Raises DataError for `--split` without `--voc`, and for `--images` without `--coco`."""
    for name, of in (("split", "voc"), ("images", "coco")):
        if getattr(options, name) is not None and getattr(options, of) is None:
            raise DataError(f"--{name}: expected --{of} too, got none")


def read_dataset(options: argparse.Namespace, report: DataReport) -> tuple[EvaluationSet, Protocol]:
    """The set of `--voc` and `--split`, of `--coco` and `--images`, or of `--data`.

    Raises:
        DataError: it cannot be read, or an option is missing.
    """
    if options.voc:
        found = read_voc(options.voc, options.split or SPLIT, report)
        return make_evaluation_set(found), VOC
    if options.coco:
        if options.images is None:
            raise DataError(f"--coco {options.coco}: expected --images, the folder of its images")
        return make_evaluation_set(read_coco(options.coco, options.images, report)), COCO
    return read_evaluation_set(options.data, report), BY_SOURCE
