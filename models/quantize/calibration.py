"""The range of every tensor of a graph on real frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from models.quantize.division import divide, operators_of
from models.quantize.runtime_quantizer import (
    CalibrationDataReader,
    CalibrationMethod,
    TensorsData,
    create_calibrator,
)


class FrameReader(CalibrationDataReader):  # type: ignore[misc]  # its base has no types
    """Warped frames (S, S, 3) as the runtime's calibrator asks for them."""

    def __init__(self, frames: Iterable[NDArray[np.uint8]]) -> None:
        self._frames: Iterator[NDArray[np.uint8]] = iter(frames)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        frame = next(self._frames, None)
        return None if frame is None else {"frame": frame}


def measure_ranges(model: onnx.ModelProto, frames: Iterable[NDArray[np.uint8]]) -> TensorsData:
    """A frame's smallest and largest value of each tensor that may be quantised, on average.

    The extremes of all frames would spend bits on outliers: with 7-bit weights they cost 0.5 AP,
    where the averages cost none. Percentiles need gigabytes, for histograms of every map.
    """
    names = {name for part in divide(model).values() for name in part}
    with TemporaryDirectory() as folder:
        plain, augmented = Path(folder, "plain.onnx"), Path(folder, "augmented.onnx")
        onnx.save(model, plain)
        calibrator = create_calibrator(
            plain,
            operators_of(model, names),
            str(augmented),
            CalibrationMethod.MinMax,
            extra_options={"moving_average": True, "averaging_constant": 0.01},
        )
        calibrator.collect_data(FrameReader(frames))
        ranges = calibrator.compute_data()
    return ranges
