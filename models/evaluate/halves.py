"""The two halves of an evaluation set: one to choose by, one to report.

Thresholds, checkpoints and recipes that were chosen on some images score better on these than on
others. So whatever is chosen is chosen on the choosing half alone, and what is published is
measured on the reporting half. The halves follow from file names: nothing about them can be tuned.
"""

import hashlib
from collections import defaultdict
from typing import Literal, get_args

from models.evaluate.evaluation_set import EvalImage, EvaluationSet

Half = Literal["choosing", "reporting"]
HALVES: tuple[Half, ...] = get_args(Half)


def take_half(whole: EvaluationSet, half: Half) -> EvaluationSet:
    """The images of `half`, in their order; every source is divided in two by itself.

    Of a source with an odd number of images the choosing half has one more.
    """
    by_source: dict[str, list[EvalImage]] = defaultdict(list)
    for image in whole.images:
        by_source[image.source].append(image)
    kept = {
        image.image_id
        for images in by_source.values()
        for image in sorted(images, key=digest)[HALVES.index(half) :: len(HALVES)]
    }
    return whole._replace(images=[image for image in whole.images if image.image_id in kept])


def digest(image: EvalImage) -> bytes:
    """Orders images in a way that has nothing to do with what they show or when they were taken."""
    return hashlib.sha256(image.file_name.encode()).digest()
