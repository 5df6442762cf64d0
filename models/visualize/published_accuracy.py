"""Accuracy of lightweight detectors beside their operations, as the paper prints them.

ThunderNet's own rows are not here: configs/paper holds them.
"""

from typing import Literal, NamedTuple

Place = Literal["left", "right", "above", "below", "above left", "above right", "below right"]


class PublishedDetector(NamedTuple):
    name: str
    mflops: float
    ap: float  # COCO test-dev AP, or VOC 2007 test mAP
    place: Place  # of the name beside its point, so that none covers another


COCO = (  # Table 3
    PublishedDetector("MobileNet-SSD", 1200, 19.3, "below"),
    PublishedDetector("MobileNet-SSDLite", 1300, 22.2, "right"),
    PublishedDetector("MobileNetV2-SSDLite", 800, 22.1, "below"),
    PublishedDetector("Pelee", 1290, 22.4, "above right"),
    PublishedDetector("Tiny-DSOD", 1120, 23.2, "above"),
    PublishedDetector("Light-Head R-CNN", 5650, 23.7, "above left"),
)
VOC = (  # Table 2
    PublishedDetector("Tiny-YOLO", 3490, 57.1, "left"),
    PublishedDetector("D-YOLO", 2090, 67.6, "right"),
    PublishedDetector("MobileNet-SSD", 1150, 68.0, "below"),
    PublishedDetector("Pelee", 1210, 70.9, "right"),
    PublishedDetector("Tiny-DSOD", 1060, 72.1, "above"),
)
