"""Which part of which directory a recipe trains on or is evaluated on."""

from pathlib import Path

import msgspec

from models.data.annotated_images import AnnotatedImages
from models.data.coco import read_coco
from models.data.report import DataReport
from models.data.voc import read_voc


class VocSplit(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="voc",
):
    folder: str  # of one year, such as data/VOCdevkit/VOC2007
    split: str  # trainval, test, ...

    def read(self, report: DataReport) -> AnnotatedImages:
        return read_voc(Path(self.folder), self.split, report)


class CocoSplit(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="coco",
):
    annotations: str  # the JSON
    images: str  # the folder of its images

    def read(self, report: DataReport) -> AnnotatedImages:
        return read_coco(Path(self.annotations), Path(self.images), report)
