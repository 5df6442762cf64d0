"""Graphs under construction and whole ones, run on arrays and compared."""

import numpy as np

from models.export.channels import DEFAULT_BLOCK, Feature, pad_channels
from models.export.graph import GraphBuilder
from models.export.thundernet import make_graph
from models.thundernet.thundernet import ThunderNet
from stages.model.runtime import ort

SIZE = 128
SMALL = {"input_size": SIZE, "pre_nms_top_n": 300, "post_nms_top_n": 40}  # of a network
BOX_TOLERANCE_PX = 1e-4 * SIZE
SCORE_TOLERANCE = 1e-4
SAME_ROIS = 0.97  # near ties of objectness may choose differently


def compute(graph: GraphBuilder, ranks: dict[str, int], **feed: np.ndarray) -> list[np.ndarray]:
    """Tensors of a graph under construction, named with their ranks."""
    names = [f"output{number}" for number in range(len(ranks))]
    for name, (tensor, rank) in zip(names, ranks.items(), strict=True):
        graph.output(name, tensor, [f"{name}.{axis}" for axis in range(rank)])
    session = ort.InferenceSession(
        graph.build({}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[np.ndarray] = session.run(names, feed)
    return found


def features_of(tensor: np.ndarray, feature: Feature) -> np.ndarray:
    """The map (1, C, H, W) in the trained network's order, padding left out."""
    return tensor[:, np.argsort(feature.channels)[np.sum(feature.channels < 0) :]]


def make_feature(graph: GraphBuilder, name: str, values: np.ndarray) -> tuple[Feature, np.ndarray]:
    """An input of the graph with padded channels, and what to feed it."""
    order = pad_channels(range(values.shape[1]), graph.block)
    padded = np.zeros((1, len(order), *values.shape[2:]), np.float32)
    padded[:, : values.shape[1]] = values
    return Feature(graph.input(name, np.float32, padded.shape), order), padded


def detect(model: ThunderNet, frame: np.ndarray, block: int = DEFAULT_BLOCK) -> list[np.ndarray]:
    graph = make_graph(model, {}, expose_rois=True, block=block)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(["rois", "boxes", "scores"], {"frame": frame})
    return found


def assert_same_detections(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """The same boxes and scores on the RoIs that both chose, which are nearly all."""
    distance = np.abs(found[0][:, None] - expected[0][None]).max(axis=2)  # (R, R')
    rows = np.flatnonzero(distance.min(axis=1) < 10 * BOX_TOLERANCE_PX)
    assert len(rows) >= SAME_ROIS * len(expected[0])
    partner = distance.argmin(axis=1)[rows]
    np.testing.assert_allclose(found[1][rows], expected[1][partner], rtol=0, atol=BOX_TOLERANCE_PX)
    np.testing.assert_allclose(found[2][rows], expected[2][partner], rtol=0, atol=SCORE_TOLERANCE)
