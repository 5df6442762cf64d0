import numpy as np
import pytest

from stages.kernels.gating.mask import Polygon, ignored_blocks

LEFT: Polygon = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))


def test_without_polygons_nothing_is_ignored() -> None:
    blocks = ignored_blocks((320, 240), ())
    assert blocks.shape == (60, 80)
    assert not blocks.any()


def test_a_polygon_has_the_blocks_that_lie_in_it() -> None:
    blocks = ignored_blocks((320, 240), (LEFT,))
    assert blocks[:, :40].all()
    assert not blocks[:, 40:].any()


def test_a_block_belongs_to_the_side_on_which_its_centre_lies() -> None:
    for share, columns in ((41.4 / 80, 41), (41.6 / 80, 42)):
        polygon: Polygon = ((0, 0), (share, 0), (share, 1), (0, 1))
        assert ignored_blocks((320, 240), (polygon,)).sum(1).tolist() == [columns] * 60


def test_polygons_add_up_and_may_have_any_shape() -> None:
    corner: Polygon = ((1, 0), (1, 1), (0, 1))  # below the diagonal
    both = ignored_blocks((320, 320), (LEFT, corner))
    alone = [ignored_blocks((320, 320), (polygon,)) for polygon in (LEFT, corner)]
    assert np.array_equal(both, alone[0] | alone[1])
    assert alone[1].mean() == pytest.approx(0.5, abs=0.01)
    assert alone[1][70, 70]
    assert not alone[1][5, 5]


def test_a_polygon_may_be_hollow_and_go_round_either_way() -> None:
    frame: Polygon = (
        (0, 0),
        (1, 0),
        (1, 1),
        (0.2, 1),
        (0.2, 0.8),
        (0.8, 0.8),
        (0.8, 0.2),
        (0, 0.2),
    )
    blocks = ignored_blocks((320, 320), (frame,))
    assert np.array_equal(blocks, ignored_blocks((320, 320), (frame[::-1],)))
    assert blocks[10, 40]
    assert blocks[70, 40]
    assert blocks[40, 70]
    assert not blocks[40, 40]
    assert not blocks[70, 10]


def test_a_side_that_is_no_multiple_of_a_block_has_larger_blocks() -> None:
    assert ignored_blocks((66, 2), (LEFT,)).shape == (1, 16)
