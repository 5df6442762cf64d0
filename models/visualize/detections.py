"""Figures 5 and 7 to 9: what a model file finds in pictures, beside what is labelled in them."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from models.evaluate.evaluation_set import Detect
from models.visualize.labelled_image import LabelledImage, LabelledObject, colour_ids
from models.visualize.contact_sheet import Group, Picture, fit, make_sheet
from stages.kernels.draw import Colour, class_colour, draw_boxes, draw_detections

IGNORED_COLOUR: Colour = (160, 160, 160)


def draw_found(frame: Picture, detect: Detect, labels: Sequence[str]) -> Picture:
    """The frame at the size of the sheet with detections as the line draws them."""
    found = detect(frame)
    canvas, scale = fit(frame)
    scaled = msgspec.structs.replace(found, boxes_xyxy=found.boxes_xyxy * scale)
    draw_detections(canvas, scaled, labels)
    return canvas


def draw_labelled(
    frame: Picture, objects: Sequence[LabelledObject], labels: Sequence[str]
) -> Picture:
    """The frame at the size of the sheet with what is labelled; what is not judged in grey."""
    canvas, scale = fit(frame)
    ids = colour_ids(labels, objects)
    # The first ends on top: what is judged, and small things before those that would cover them.
    ordered = sorted(objects, key=lambda seen: (seen.ignored, seen.area))
    boxes = np.array([seen.xyxy for seen in ordered], np.float32).reshape(-1, 4) * scale
    colours = [
        IGNORED_COLOUR if seen.ignored else class_colour(ids[seen.label]) for seen in ordered
    ]
    draw_boxes(canvas, boxes, colours, [seen.label for seen in ordered])
    return canvas


def make_group(exhibit: LabelledImage, detect: Detect, labels: Sequence[str]) -> Group:
    """What is found, and beside it what is labelled where somebody did."""
    found = draw_found(exhibit.frame, detect, labels)
    if exhibit.objects is None:
        return Group([found], exhibit.name)
    labelled = draw_labelled(exhibit.frame, exhibit.objects, labels)
    return Group([found, labelled], f"{exhibit.name}: found, labelled")


def draw_detection_sheet(
    exhibits: Iterable[LabelledImage], detect: Detect, labels: Sequence[str]
) -> Picture:
    """All exhibits on one sheet; needs at least one."""
    return make_sheet([make_group(exhibit, detect, labels) for exhibit in exhibits])
