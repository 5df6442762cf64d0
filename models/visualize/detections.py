"""Figures 5 and 7 to 9: what a model file finds in images, beside what is labelled in them."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from models.data.image_files import BgrImage
from models.evaluate.results import Detect
from models.visualize.contact_sheet import Group, fit, make_sheet
from models.visualize.labelled_image import LabelledImage, LabelledObject, colour_ids
from stages.kernels.drawing.boxes import draw_boxes, draw_detections
from stages.kernels.drawing.palette import Colour, class_colour

IGNORED_COLOUR: Colour = (160, 160, 160)


def draw_found(frame: BgrImage, detect: Detect, labels: Sequence[str]) -> BgrImage:
    """The frame at the size of the sheet with detections as the line draws them."""
    found = detect(frame)
    canvas, scale = fit(frame)
    scaled = msgspec.structs.replace(found, boxes_xyxy=found.boxes_xyxy * scale)
    draw_detections(canvas, scaled, labels)
    return canvas


def draw_labelled(
    frame: BgrImage, objects: Sequence[LabelledObject], labels: Sequence[str]
) -> BgrImage:
    """The frame at the size of the sheet with what is labelled; what is not evaluated in grey."""
    canvas, scale = fit(frame)
    ids = colour_ids(labels, objects)
    # The first ends on top: what is evaluated, and small things before those that would cover them.
    ordered = sorted(objects, key=lambda seen: (seen.ignored, seen.area))
    boxes = np.array([seen.xyxy for seen in ordered], np.float32).reshape(-1, 4) * scale
    colours = [
        IGNORED_COLOUR if seen.ignored else class_colour(ids[seen.label]) for seen in ordered
    ]
    draw_boxes(canvas, boxes, colours, [[seen.label] for seen in ordered])
    return canvas


def make_group(image: LabelledImage, detect: Detect, labels: Sequence[str]) -> Group:
    """What is found, and beside it what is labelled, where the image has labels."""
    found = draw_found(image.frame, detect, labels)
    if image.objects is None:
        return Group([found], image.name)
    labelled = draw_labelled(image.frame, image.objects, labels)
    return Group([found, labelled], f"{image.name}: found, labelled")


def draw_detection_sheet(
    images: Iterable[LabelledImage], detect: Detect, labels: Sequence[str]
) -> BgrImage:
    """All images on one sheet; needs at least one."""
    return make_sheet([make_group(image, detect, labels) for image in images])
