from typing import Any

import numpy as np
import pytest
import torch

from models.export.parity import (
    make_probes,
    run_trained,
)
from models.export.roi_head import max_rows
from models.export.thundernet import make_graph
from models.thundernet.thundernet import ThunderNet
from stages.kernels.soft_nms import SoftNms
from stages.model.runtime import ort
from tests.models.export.graph_runs import SMALL
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


def run_graph(model: ThunderNet, frame: np.ndarray) -> dict[str, np.ndarray]:
    graph = make_graph(model, {}, expose_rois=True).SerializeToString()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"frame": frame}), strict=True))


def test_rows_are_the_best_pairs_of_roi_and_class() -> None:
    model = make_network(**SMALL, class_specific_boxes=True)
    frame = make_probes(128)[0]
    found = run_graph(model, frame)
    expected, _ = run_trained(model, frame, torch.from_numpy(found["rois"]))
    assert len(found["boxes"]) == max_rows(model.config) == 80
    assert ((found["scores"] > 0).sum(axis=1) == 1).all()
    kept = np.sort(found["scores"].max(axis=1))
    np.testing.assert_allclose(kept, np.sort(expected.scores.numpy(), axis=None)[-80:], rtol=1e-4)
    for pair, box, scores in zip(found["pairs"], found["boxes"], found["scores"], strict=True):
        roi, label = divmod(int(pair), 11)
        np.testing.assert_allclose(box, expected.boxes[roi, label], atol=1e-3)
        np.testing.assert_allclose(scores[label], expected.scores[roi, label], rtol=1e-4)


def test_few_rois_give_all_their_pairs() -> None:
    # Suppression at any overlap leaves fewer RoIs than rows asked for.
    fields: dict[str, Any] = SMALL | {"nms_thresh": 0.0, "labels": ["dog", "cat"]}
    found = run_graph(make_network(**fields, class_specific_boxes=True), make_probes(128)[0])
    assert len(found["rois"]) < 40
    assert sorted(found["pairs"]) == list(range(2 * len(found["rois"])))


def test_box_per_class_that_is_the_same_for_all_detects_the_same() -> None:
    agnostic = make_network(**SMALL)
    specific = make_network(**SMALL, class_specific_boxes=True)
    weights = agnostic.state_dict()
    for name in ("roi_head.box.weight", "roi_head.box.bias"):
        weights[name] = torch.cat([weights[name]] * 11)
    specific.load_state_dict(weights)
    frame = make_probes(128)[0]
    soft_nms = SoftNms(score_thresh=0.2, max_detections=20)
    found, expected = (
        soft_nms.suppress(outputs["boxes"], outputs["scores"])
        for outputs in (run_graph(specific, frame), run_graph(agnostic, frame))
    )
    assert len(expected.scores) == 20
    for field in ("boxes_xyxy", "scores", "class_ids"):
        got, wanted = getattr(found, field), getattr(expected, field)
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3)
