"""ONNX Runtime with its telemetry switched off: all code of ours imports it from here.

Since 1.29 the official wheels for Linux start a thread when they are imported, keep an identifier
of the device and a database of events in the user's cache, and look up a collector on the
internet. They read the variable below once, when their library is loaded.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: TID251 - the one place
from onnxruntime.capi import (  # type: ignore[import-untyped]  # noqa: TID251 - the same
    onnxruntime_pybind11_state as errors,
)

__all__ = ["errors", "ort"]
