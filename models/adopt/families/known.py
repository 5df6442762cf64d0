"""The families there are, in the order in which they are tried."""

from collections.abc import Sequence

from models.adopt.errors import AdoptError
from models.adopt.families.detections import Detections
from models.adopt.families.detr import Detr
from models.adopt.families.end_to_end import EndToEnd
from models.adopt.families.nanodet import Nanodet
from models.adopt.families.raw import Raw, RawHead, example
from models.adopt.families.ssd import Anchors, Ssd
from models.adopt.families.yolov5 import Yolov5
from models.adopt.families.yolov8 import Yolov8
from models.adopt.families.yolox import Yolox
from models.adopt.family import Family
from models.adopt.foreign_model import ForeignModel

# What people call them, and the family whose head they have.
ALIASES = {
    "yolov7": "yolov5",
    "yolov9": "yolov8",
    "yolov11": "yolov8",
    "yolo11": "yolov8",
    "yolov12": "yolov8",
    "yolo12": "yolov8",
    "yolov10": "end-to-end",
    "yolo26": "end-to-end",
    "yolov26": "end-to-end",
    "nanodet-plus": "nanodet",
    "rt-detr": "detr",
    "d-fine": "detr",
}


def make_families(anchors: Anchors | None = None) -> list[Family]:
    return [
        EndToEnd(), Yolox(), Yolov5(), Yolov8(), Nanodet(), Detections(), Detr(), Ssd(anchors),
    ]  # fmt: skip


NAMES = (*(family.name for family in make_families()), *ALIASES, Raw.name)


def choose_family(
    model: ForeignModel, families: Sequence[Family], wanted: str | None, head: RawHead | None
) -> Family:
    """The one that is asked for, or the first that recognises the outputs.

    Raises:
        AdoptError: none does; the text shows how `raw` would be written.
    """
    if head is not None:
        return Raw(head)
    if wanted == Raw.name:
        raise AdoptError(f"--family raw: expected --head FILE, such as\n{example(model)}")
    if wanted is not None:
        name = ALIASES.get(wanted, wanted)
        family = next(family for family in families if family.name == name)
        if not family.recognises(model):
            others = [other.name for other in families if other.recognises(model)]
            looks = f"; they look like {others[0]}" if others else ""
            raise AdoptError(
                f"{model.path}: expected the outputs of {wanted} at {model.wh[0]}x{model.wh[1]}, "
                f"got\n{model.describe_outputs()}{looks}"
            )
        return family
    for family in families:
        if family.recognises(model):
            return family
    raise AdoptError(
        f"{model.path}: its outputs are those of no known family at {model.wh[0]}x{model.wh[1]}:\n"
        f"{model.describe_outputs()}\n"
        f"expected --family raw --head FILE.yaml, which says what they mean, such as\n"
        f"{example(model)}"
    )
