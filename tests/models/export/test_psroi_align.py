import numpy as np
import pytest

from models.export.psroi_align import edge_weights

pytestmark = pytest.mark.torch


def test_bin_edges_tile_the_roi() -> None:
    x1, y1, width, height = 10, 20, 70, 35
    edges = (np.array([x1, y1, width, height]) @ edge_weights(7)).reshape(7, 7, 4)
    np.testing.assert_allclose(edges[0, 0], [10, 20, 20, 25])  # row 0, column 0
    np.testing.assert_allclose(edges[0, 6], [70, 20, 80, 25])  # to the right
    np.testing.assert_allclose(edges[6, 0], [10, 50, 20, 55])  # below
