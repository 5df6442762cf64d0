"""What a family of detectors tells of itself: how it is recognised, fed and decoded."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from models.adopt.foreign_model import ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head
from models.adopt.picture import PictureSpec
from stages.model.model_file import SoftNmsDefaults

ONCE = SoftNmsDefaults(method="none", iou_thresh=0.5, sigma=0.5)


class Classes(NamedTuple):
    """The classes that the model has, and those of them that are kept, in the model's order."""

    size: int
    kept: Sequence[int]


class Family(Protocol):
    name: str
    picture: PictureSpec  # what its models are usually fed with
    soft_nms: SoftNmsDefaults  # how its boxes compete in its own project

    def recognises(self, model: ForeignModel) -> bool:
        """Whether the outputs of the model are such as this family has."""

    def classes(self, model: ForeignModel, labels: int) -> int | None:
        """How many classes there are; None where the outputs do not tell.

        Args:
            labels: how many the user names, where the outputs may be read in two ways.

        Raises:
            AdoptError: the outputs are not of this family.
        """

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        """The model's outputs decoded; `outputs` are their tensors by name."""


def hard(iou_thresh: float) -> SoftNmsDefaults:
    return SoftNmsDefaults(method="hard", iou_thresh=iou_thresh, sigma=0.5)
