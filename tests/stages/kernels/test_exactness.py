"""The network's input is the same to the last bit on every processor: checksums hold on ARM, too.

`make test-arm` runs this file there.
"""

import hashlib

import numpy as np
import pytest

from stages.kernels.fit import WARPED, Fit, Letterbox
from stages.kernels.fitter import Fitter
from stages.kernels.picture import Layout, Matrix, Picture, PictureFormat, bgr_format
from stages.kernels.resize import warp_into
from tests.stages.kernels.textbook_resize import resize

LETTERBOX = Fit(letterbox=Letterbox(align="centre", pad=(114, 114, 114)))
HD, ODD = PictureFormat(Layout.I420, 1280, 720), PictureFormat(Layout.I420, 641, 359)
SUMS = [
    (HD, WARPED, (320, 320), "53bdf30ab6a183da"),
    (ODD, WARPED, (320, 320), "d87aba7538c92c38"),
    (HD._replace(full_range=True), WARPED, (320, 320), "2761bc24afe35704"),
    (HD._replace(matrix=Matrix.BT709), WARPED, (320, 320), "74de965c271a6404"),
    (ODD._replace(matrix=Matrix.BT2020, full_range=True), WARPED, (320, 320), "58ede091869e718c"),
    (bgr_format(1280, 720), WARPED, (320, 320), "f4ef594370038f3b"),
    (HD, LETTERBOX, (416, 416), "1622ce5684acad42"),
    (ODD, WARPED, (321, 191), "b5ab10c06c820252"),
]


def pattern(form: PictureFormat) -> Picture:
    """Slopes and edges of all slants, by whole numbers alone."""
    at = np.arange(form.nbytes, dtype=np.int64)
    x, y = at % form.width, at // form.width
    return Picture(form, ((x * y // 37 + x * x // 91 + 5 * y + at // 7) % 256).astype(np.uint8))


@pytest.mark.parametrize(("form", "fit", "network_wh", "expected"), SUMS)
def test_checksums_hold_on_every_processor(
    form: PictureFormat, fit: Fit, network_wh: tuple[int, int], expected: str
) -> None:
    tensor = np.zeros((network_wh[1], network_wh[0], 3), np.uint8)
    Fitter(network_wh, fit).fit(pattern(form), tensor)
    assert hashlib.sha256(tensor.tobytes()).hexdigest()[:16] == expected


@pytest.mark.parametrize("frame_wh", [(1280, 720), (641, 359), (33, 65), (320, 200), (1, 1)])
@pytest.mark.parametrize("network_wh", [(320, 320), (33, 65)])
def test_frames_are_resized_as_a_textbook_has_it(
    frame_wh: tuple[int, int], network_wh: tuple[int, int]
) -> None:
    frame = pattern(bgr_format(*frame_wh)).bgr
    tensor = np.zeros((network_wh[1], network_wh[0], 3), np.uint8)
    warp_into(frame, tensor)
    for channel in range(3):
        expected = resize(frame[:, :, channel], *network_wh)
        np.testing.assert_array_equal(tensor[:, :, channel], expected)
