"""The settings that the model files of this project ship with (docs/models.md), in one place."""

from pathlib import Path

import msgspec

from models.checkpoint import load_checkpoint
from models.export.parity import Parity
from models.export.writer import export, make_card
from models.thundernet.input_shape import InputShape
from stages.model.model_file import SoftNmsDefaults


class Deployed(msgspec.Struct, frozen=True):
    pre_nms_top_n: int = 1000
    post_nms_top_n: int = 100  # RoIs
    objectness_cut: float = 0.3
    score_thresh: float = 0.35
    soft_nms: SoftNmsDefaults = SoftNmsDefaults(method="gaussian", iou_thresh=0.5, sigma=0.4)


DEPLOYED = Deployed()


def export_deployed(
    checkpoint: Path, out: Path, name: str | None = None, shape: InputShape | None = None
) -> Parity:
    """Writes the averaged weights of `checkpoint` as a model file that could ship.

    Args:
        shape: of the input; the checkpoint's if there is none.

    Raises:
        CheckpointError: no checkpoint of a detector.
        ParityError: the graph computes something else than the network; nothing is written.
    """
    model, meta = load_checkpoint(checkpoint)
    model.config = msgspec.structs.replace(
        model.config,
        pre_nms_top_n=DEPLOYED.pre_nms_top_n,
        post_nms_top_n=DEPLOYED.post_nms_top_n,
    )
    meta = meta | {"objectness_cut": DEPLOYED.objectness_cut}
    card = make_card(model, meta, DEPLOYED.soft_nms, DEPLOYED.score_thresh, name, shape=shape)
    return export(model, card, out, DEPLOYED.objectness_cut)
