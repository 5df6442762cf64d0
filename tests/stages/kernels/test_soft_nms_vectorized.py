from typing import Any

import numpy as np
import pytest

from stages.kernels.soft_nms import SoftNms
from tests.stages.kernels import textbook_soft_nms
from tests.stages.kernels.crowd import make_crowd


def test_200_rois_of_80_classes_equal_the_textbook() -> None:
    boxes, scores = make_crowd(3, rois=200, classes=80)
    found = SoftNms(score_thresh=0.01).suppress(boxes, scores)
    expected = textbook_soft_nms.suppress(boxes, scores, score_thresh=0.01)
    assert len(found.scores) == 100
    np.testing.assert_allclose(found.scores, [score for score, _, _ in expected], rtol=1e-4)
    assert found.class_ids.tolist() == [c for _, c, _ in expected]


@pytest.mark.parametrize("method", ["linear", "gaussian", "hard"])
def test_weak_boxes_count_when_the_strongest_all_lie_on_each_other(method: str) -> None:
    # Far more boxes than are tried first lie on one object; the other two are weaker than all.
    crowd = np.array([[10, 10, 50, 50]]) + np.linspace(0, 1, 100)[:, None]
    boxes = np.vstack([crowd, [[100, 100, 150, 150]], [[200, 100, 250, 150]]]).astype(np.float32)
    scores = np.linspace(0.9, 0.3, 102, dtype=np.float32)[:, None]
    settings: dict[str, Any] = {"method": method, "score_thresh": 0.05, "max_detections": 3}
    found = SoftNms(**settings).suppress(boxes, scores)
    expected = textbook_soft_nms.suppress(boxes, scores, **settings)
    np.testing.assert_allclose(found.scores, [score for score, _, _ in expected], rtol=1e-4)
    np.testing.assert_array_equal(found.boxes_xyxy, boxes[[row for _, _, row in expected]])
