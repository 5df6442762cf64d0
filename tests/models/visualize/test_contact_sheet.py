import numpy as np
import pytest

from models.visualize.contact_sheet import (
    GAP_PX,
    IMAGE_PX,
    PAIR_GAP_PX,
    SHEET_PX,
    Group,
    fit,
    make_sheet,
)
from tests.models.visualize.frames import plain

pytestmark = pytest.mark.torch


def test_images_keep_their_shape_on_a_sheet() -> None:
    for width, height in ((640, 480), (300, 900), (4000, 100), (20, 10)):
        image, scale = fit(plain(width, height))
        assert image.shape[0] <= IMAGE_PX
        assert image.shape[1] / image.shape[0] == pytest.approx(width / height, rel=0.03)
        assert image.shape[1] == pytest.approx(width * scale, abs=1)


def test_groups_stand_in_rows_and_are_not_parted() -> None:
    pair = [plain(400, IMAGE_PX, 10), plain(400, IMAGE_PX, 20)]
    sheet = make_sheet([Group(pair, "one"), Group(pair, "two"), Group(pair[:1], "three")])
    assert sheet.shape[1] <= SHEET_PX + 2 * GAP_PX
    first_row, second_row = sheet[GAP_PX + 100], sheet[-100]
    assert (first_row == 10).all(axis=1).sum() == (first_row == 20).all(axis=1).sum() == 800
    assert (second_row == 10).all(axis=1).sum() == 400
    between = first_row[GAP_PX + 400 : GAP_PX + 400 + PAIR_GAP_PX]
    assert (between == 255).all()


def test_a_caption_stays_below_its_own_images() -> None:
    group = Group([plain(200, IMAGE_PX, 255)], "a very long name of a directory/of many/0001.jpg")
    sheet = make_sheet([group, Group([plain(200, IMAGE_PX, 255)], "")])
    ink = (sheet < 128).all(axis=2)
    rows, columns = np.nonzero(ink)
    assert rows.min() >= GAP_PX + IMAGE_PX
    assert columns.max() < GAP_PX + 200
