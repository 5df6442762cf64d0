"""Makes a model file of the line from a detector of another project.

python -m models.adopt yolox_nano.onnx --labels coco -o yolox.onnx
python -m models.adopt yolox_nano.onnx --labels coco --keep person,car -o yolox.onnx
python -m models.adopt yolo11n.onnx -o yolo11n-line.onnx            (labels are inside the file)
python -m models.adopt other.onnx --family raw --head other.yaml --labels names.txt -o line.onnx

The family is recognised by the outputs, and said. Decoding, pre-processing and the choice of the
best candidates become part of the file: it takes the line's frames and gives its boxes and scores.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from models.adopt.adoption import Adopted, Settings, adopt
from models.adopt.errors import AdoptError
from models.adopt.families.known import NAMES, choose_family, make_families
from models.adopt.families.raw import read_head
from models.adopt.families.ssd import Anchors
from models.adopt.family import Family
from models.adopt.foreign_model import ForeignModel
from models.adopt.labels import find_labels
from models.adopt.picture import PictureSpec
from models.arguments import parse_count, parse_finite, parse_positive, parse_share
from models.command import check_out, check_outputs, make_parser, run_command
from models.errors import ConfigError
from models.export.onnx_file import save_model
from stages.kernels.fit import Fit, Letterbox
from stages.model.detector import Detector
from stages.model.model_file import ModelFileError

USER_ERRORS = (AdoptError, ConfigError, ModelFileError, OSError)
MOST = 300
SCORE_THRESH = 0.35


def parse_size(text: str) -> tuple[int, int]:
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isdigit() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"expected S or WxH in pixels, got {text}")
    return int(sides[0]), int(sides[-1])


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("adopt", __doc__)
    parser.add_argument("model", type=Path, help="the .onnx file of the other project")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--family", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--labels", help="coco, coco90, coco91, voc, or a file of names")
    parser.add_argument(
        "--keep", metavar="A,B=C", help="only these classes, B under the name C; the rest is cut"
    )
    parser.add_argument("--input-size", type=parse_size, metavar="S|WxH", help="if it is open")
    parser.add_argument("--head", type=Path, help="with --family raw: YAML, what is what")
    parser.add_argument("--anchors", type=Path, help="of an SSD: .npy (N, 4), cxcywh from 0 to 1")
    parser.add_argument(
        "--variances", type=parse_positive, nargs=2, default=(0.1, 0.2), metavar="V",
        help="of the anchors",
    )  # fmt: skip
    parser.add_argument("--colour", choices=["bgr", "rgb"])
    parser.add_argument("--mean", type=parse_finite, nargs=3, metavar="M", help="of 0..255")
    parser.add_argument("--std", type=parse_positive, nargs=3, metavar="S", help="of 0..255")
    parser.add_argument("--letterbox", choices=["centre", "top_left", "none"])
    parser.add_argument("--pad", type=int, nargs=3, metavar="P", help="colour beside, BGR")
    parser.add_argument("--resize", choices=["linear", "area", "cubic", "nearest"])
    parser.add_argument("--top-k", type=parse_count, default=MOST, help="candidates for Soft-NMS")
    parser.add_argument("--soft-nms", choices=["linear", "gaussian", "hard", "none"])
    parser.add_argument("--iou-thresh", type=parse_share)
    parser.add_argument("--sigma", type=parse_positive)
    parser.add_argument("--score-thresh", type=parse_share, default=SCORE_THRESH, help="to show")
    parser.add_argument("--name", help="default: that of the file")
    parser.add_argument("--licence", help="of the weights; default: what the file says")
    return parser.parse_args(arguments)


def make_picture(options: argparse.Namespace, usual: PictureSpec) -> PictureSpec:
    """What the family's models are usually fed with, under what the user says."""
    fit = usual.fit
    is_padded = fit.letterbox if options.letterbox is None else options.letterbox != "none"
    if options.pad and not is_padded:
        raise AdoptError("--pad: expected --letterbox centre or top_left, got none to pad")
    if options.letterbox == "none":
        fit = Fit()
    elif options.letterbox or options.pad:
        pad = options.pad or (fit.letterbox.pad if fit.letterbox else (114, 114, 114))
        align = options.letterbox or (fit.letterbox.align if fit.letterbox else "centre")
        fit = Fit(letterbox=Letterbox(align=align, pad=tuple(pad)))
    if options.resize:
        fit = msgspec.structs.replace(fit, resize=options.resize)
    given = {"colour": options.colour, "mean": options.mean, "std": options.std}
    changes = {key: value for key, value in given.items() if value is not None} | {"fit": fit}
    try:
        return msgspec.convert(msgspec.structs.asdict(usual) | changes, PictureSpec)
    except msgspec.ValidationError as error:
        raise AdoptError(f"--pad, --mean or --std: {error}") from error


def make_settings(options: argparse.Namespace, family: Family) -> Settings:
    given = {"method": options.soft_nms, "iou_thresh": options.iou_thresh, "sigma": options.sigma}
    changes = {key: value for key, value in given.items() if value is not None}
    return Settings(
        picture=make_picture(options, family.picture),
        soft_nms=msgspec.structs.replace(family.soft_nms, **changes),
        score_thresh=options.score_thresh,
        most=options.top_k,
        name=options.name or options.model.stem,
        licence=options.licence,
    )


def read_anchors(options: argparse.Namespace) -> Anchors | None:
    if options.anchors is None:
        return None
    try:
        boxes = np.load(options.anchors, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise AdoptError(f"--anchors {options.anchors}: expected an .npy file: {error}") from error
    return Anchors(boxes, (options.variances[0], options.variances[1]))


def describe(adopted: Adopted, family: Family, options: argparse.Namespace) -> str:
    card = adopted.card
    box = card.fit.letterbox
    fit = "warped" if box is None else f"letterboxed ({box.align}, {box.pad})"
    picture = card.recipe["adopted"]["picture"]
    mean, std = (" ".join(f"{value:g}" for value in picture[key]) for key in ("mean", "std"))
    found = "" if options.family else ", recognised by its outputs"
    rows = [
        f"family {family.name}{found}; {len(card.labels)} classes",
        f"{card.max_rois} candidates; NMS: {card.soft_nms.method}",
        f"frames {fit} to {card.input_wh[0]}x{card.input_wh[1]}; {picture['colour']}, less {mean}, "
        f"by {std}; "
        f"licence: {card.recipe['adopted']['licence']}",
        f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB",
    ]
    return "\n".join(rows)


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    if options.labels:
        check_out(options.out, Path(options.labels))
    model = ForeignModel(options.model, options.input_size)
    head = read_head(options.head) if options.head else None
    family = choose_family(model, make_families(read_anchors(options)), options.family, head)
    labels = find_labels(options.labels, model)
    wanted = options.keep.split(",") if options.keep else None
    adopted = adopt(model, family, labels, wanted, make_settings(options, family))
    save_model(adopted.model, options.out)
    Detector(options.out)  # it holds the line's contract, on a black frame
    print(describe(adopted, family, options))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("adopt", lambda: run(options), USER_ERRORS)
