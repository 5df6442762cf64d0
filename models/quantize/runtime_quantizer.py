"""What is used of ONNX Runtime's quantizer, imported when its telemetry is off."""

import stages.model.runtime  # noqa: F401 - first: it switches the telemetry off

# isort: split
from onnxruntime.quantization import (  # type: ignore[import-untyped]  # noqa: TID251 - see above
    CalibrationDataReader,
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    create_calibrator,
)
from onnxruntime.quantization.calibrate import (  # type: ignore[import-untyped]  # noqa: TID251
    TensorsData,
)

__all__ = [
    "CalibrationDataReader",
    "CalibrationMethod",
    "QDQQuantizer",
    "QuantType",
    "TensorsData",
    "create_calibrator",
]
