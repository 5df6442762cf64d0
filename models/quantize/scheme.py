"""A float32 graph in 8 bits: weights per output channel, activations per tensor, Q and DQ pairs."""

from collections.abc import Iterable
from typing import NamedTuple

import onnx

from models.quantize.division import divide, operators_of
from models.quantize.runtime_quantizer import QDQQuantizer, QuantType, TensorsData


class Scheme(NamedTuple):
    """Types of a quantised graph.

    u8s8 suits x86: AVX2 and AVX-512 multiply unsigned by signed bytes. Without VNNI the sum of two
    products is held in 16 bits and saturates, so u8s7 keeps weights to 7 bits (`reduce_range`).
    s8s8 with symmetric activations suits the signed dot products of AArch64 (SDOT, SMMLA); on x86
    the runtime has only slow kernels for it.
    """

    activations: QuantType
    symmetric: bool  # activations have zero in the middle
    reduce_range: bool


SCHEMES = {
    "u8s7": Scheme(QuantType.QUInt8, symmetric=False, reduce_range=True),
    "u8s8": Scheme(QuantType.QUInt8, symmetric=False, reduce_range=False),
    "s8s8": Scheme(QuantType.QInt8, symmetric=True, reduce_range=False),
}


def quantize(
    model: onnx.ModelProto, ranges: TensorsData, parts: Iterable[str], scheme: Scheme
) -> onnx.ModelProto:
    """A copy of the graph whose given parts compute in 8 bits."""
    copy = onnx.shape_inference.infer_shapes(model)
    division = divide(copy)
    nodes = [name for part in parts for name in division.get(part, [])]
    if not nodes:  # to the quantizer, an empty list means every operator
        return copy
    quantizer = QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=scheme.reduce_range,
        weight_qType=QuantType.QInt8,
        activation_qType=scheme.activations,
        tensors_range=ranges,
        nodes_to_quantize=nodes,
        nodes_to_exclude=[],
        op_types_to_quantize=operators_of(copy, set(nodes)),
        extra_options={"ActivationSymmetric": scheme.symmetric, "WeightSymmetric": True},
    )
    quantizer.quantize_model()
    quantized: onnx.ModelProto = quantizer.model.model
    return quantized
