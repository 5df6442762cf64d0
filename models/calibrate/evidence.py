"""The detections of an evaluation set, with what each of them was made of.

Shapes: R RoIs of an image, D detections of all images, K classes.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from models.calibrate.calibration import Calibration, Evidence, to_logits
from models.data.report import DataError, DataReport
from models.evaluate.evaluation_set import EvaluationSet, read_frames
from models.evaluate.operating_point import match
from models.evaluate.results import (
    MAX_DETECTIONS,
    Result,
    categories_of,
    detections_to_results,
)
from stages.kernels.fitter import fit_into
from stages.model.detector import Detector, RoiScores
from stages.model.frame_detector import make_soft_nms

FLOOR = 0.05  # detections below say little about those that are shown


class Seen(NamedTuple):
    """What the network says of one image."""

    image_id: int
    wh: tuple[int, int]
    rois: RoiScores


class Origin(NamedTuple):
    """What a detection was made of."""

    image: int  # place in the images seen
    row: int  # of its RoI
    decay: float  # what Soft-NMS has left of the probability


class SeenSet:
    """An evaluation set through the network once, so that scores can be changed and suppressed."""

    def __init__(self, dataset: EvaluationSet, detector: Detector, report: DataReport) -> None:
        self.metadata = detector.metadata
        self.soft_nms = make_soft_nms(detector.metadata, FLOOR, MAX_DETECTIONS)
        self.category_ids = categories_of(detector.metadata.labels, dataset)
        tensor = detector.make_tensor()
        self.seen, read = [], []
        frames = read_frames(dataset, report)
        for image, frame in tqdm(frames, total=len(dataset.images), desc=dataset.name):
            fit_into(frame, tensor, detector.metadata.fit)
            self.seen.append(Seen(image.image_id, image.wh, detector.infer(tensor)))
            read.append(image)
        self.dataset = dataset._replace(images=read)

    def suppress(self, calibration: Calibration | None = None) -> tuple[list[Result], list[Origin]]:
        """Detections of all images, in classes that the set knows, and where each comes from."""
        results: list[Result] = []
        origins: list[Origin] = []
        for number, (image_id, image_wh, rois) in enumerate(self.seen):
            scores = rois.scores if calibration is None else calibration.apply(rois.scores)
            found = self.soft_nms.suppress(rois.boxes_net, scores)
            is_same = (found.boxes_xyxy[:, None] == rois.boxes_net[None]).all(axis=2)  # (N, R)
            # Of RoIs with one box, such as two that are clipped alike, the better one was picked.
            rows = np.where(is_same, scores[:, found.class_ids].T, -1).argmax(axis=1)
            decays = found.scores / scores[rows, found.class_ids]
            for row, decay, class_id in zip(rows, decays, found.class_ids, strict=True):
                if self.category_ids[class_id] is not None:
                    origins.append(Origin(number, int(row), float(decay)))
            in_image = found.to_frame(self.metadata.place(image_wh), image_wh)
            results += detections_to_results(image_id, in_image, self.category_ids)
        return results, origins

    def evidence(self) -> Iterator[tuple[NDArray[np.float64], int, float, bool]]:
        """Logits, class, decay and rightness of every detection that was evaluated."""
        results, origins = self.suppress()
        matched = match(self.dataset, results)
        logits = [to_logits(seen.rois.scores) for seen in self.seen]
        for place, is_right in zip(matched.places.tolist(), matched.is_right.tolist(), strict=True):
            image, row, decay = origins[place]
            class_id = self.category_ids.index(results[place]["category_id"])
            yield logits[image][row], class_id, decay, is_right


def gather_evidence(parts: Iterable[SeenSet]) -> Evidence:
    """The evaluated detections of all sets.

    Raises:
        DataError: there is not one.
    """
    rows = [row for part in parts for row in part.evidence()]
    if not rows:
        raise DataError("expected at least one detection to calibrate with, found none")
    logits, classes, decays, is_right = zip(*rows, strict=True)
    return Evidence(
        torch.from_numpy(np.stack(logits)),
        torch.tensor(classes),
        torch.tensor(decays, dtype=torch.float64),
        torch.tensor(is_right, dtype=torch.float64),
    )
