"""The street11 data set: COCO JSON beside tar shards of images.

Beyond COCO, an image names its `source` and `labelled_category_ids`, the classes that people
annotated exhaustively in it. `iscrowd` boxes are regions to ignore: neither object nor background.
"""

from pathlib import Path

from models.data.annotated_images import AnnotatedImages
from models.data.coco import read_coco
from models.data.report import DataReport


def read_street11(folder: Path, split: str, report: DataReport) -> AnnotatedImages:
    """One split; its images are in the tars `split`-NN.tar beside `split`.json."""
    return read_coco(folder / f"{split}.json", None, report)
