"""SNet (Sec. 3.1) as ONNX operators: stem, three stages, conv5."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.export.channels import PADDING, Feature, arrange, pad_channels, pad_count
from models.export.convolution import (
    Convolution,
    add_conv,
    add_depthwise,
    add_pointwise,
    fold_all,
)
from models.export.graph import GraphBuilder
from models.export.lifetime import (
    LEFT,
    RIGHT,
    Value,
    choose_sparse,
    group_by_reader,
    merge_groups,
    trace_reads,
)
from models.thundernet.backbones.snet import SNet


class Block(NamedTuple):
    """Channels that one producer wrote for one reader, then padding."""

    tensor: str
    values: list[Value]


class Maps(NamedTuple):
    c4: Feature
    c5: Feature


def add_backbone(graph: GraphBuilder, image: str, backbone: SNet, std: np.ndarray) -> Maps:
    """C4 and C5 of a mean-free image (1, 1, H, 3 * W)."""
    with graph.scope("backbone"):
        x = add_stem(graph, image, backbone, std)
        with graph.scope("stage2"):
            x = add_stage(graph, x, backbone.stage2)
        with graph.scope("stage3"):
            c4 = add_stage(graph, x, backbone.stage3)
        with graph.scope("stage4"):
            c5 = add_stage(graph, c4, backbone.stage4)
        with graph.scope("conv5"):
            for conv5 in fold_all(backbone.conv5):  # none where stage4 itself is C5
                c5 = add_pointwise(graph, c5, conv5)
    return Maps(c4, c5)


def add_stem(graph: GraphBuilder, image: str, backbone: SNet, std: np.ndarray) -> Feature:
    """conv1, which divides by the standard deviation on the way, and the max pool.

    The image is one plane whose columns are b, g, r, b, g, r, ... as they lie in a frame, and conv1
    is over k x 3k of them: the same products without a transposition, and the runtime, which goes
    through the output once per plane, does it once instead of three times.
    """
    with graph.scope("stem"):
        conv1 = fold_all(backbone.conv1)[0]
        weight = (conv1.weight / std[:, None, None]).astype(np.float32)
        channels = pad_channels(range(len(conv1.bias)), graph.block)
        weight, bias = arrange(weight, channels), arrange(conv1.bias, channels)
        colours = weight.shape[1]
        x = add_conv(graph, image, interleave(weight), bias, stride=2, columns=colours)
        x = graph.add("Relu", x)
        x = graph.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    return Feature(x, channels)


def interleave(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (O, C, k, k) of planes as weights (O, 1, k, k * C) of one plane that mixes them."""
    outputs, _, rows, _ = weight.shape
    return weight.transpose(0, 2, 3, 1).reshape(outputs, 1, rows, -1)


def add_stage(graph: GraphBuilder, source: Feature, stage: nn.Sequential) -> Feature:
    """One stage; channels are written for the units that read them (see lifetime.py)."""
    down, *basics = list[Any](stage)
    left, right = fold_all(down.left), fold_all(down.right)
    out_left, out_right = len(left[-1].bias), len(right[-1].bias)
    reads = trace_reads(out_left + out_right, out_left, len(stage))
    plan = {
        producer: merge_groups(groups, graph.block)
        for producer, groups in group_by_reader(reads).items()
    }
    with graph.scope("unit0"):
        x = add_depthwise(graph, source, left[0], stride=2)
        blocks = add_blocks(graph, x, left[1], plan[LEFT])
        x = add_pointwise(graph, source, right[0])
        x = add_depthwise(graph, x, right[1], stride=2)
        blocks += add_blocks(graph, x, right[2], plan[RIGHT])
    for number, unit in enumerate(basics, start=1):
        first, depthwise, last = fold_all(unit.branch)
        with graph.scope(f"unit{number}"):
            x = add_pointwise(graph, join_blocks(graph, blocks, reads[number - 1]), first)
            x = add_depthwise(graph, x, depthwise)
            blocks += add_blocks(graph, x, last, plan[number])
    return join_blocks(graph, compact(graph, blocks, reads[-1]), reads[-1])


def add_blocks(
    graph: GraphBuilder, source: Feature, convolution: Convolution, plan: list[list[Value]]
) -> list[Block]:
    """The outputs of a 1x1 convolution, one tensor per block."""
    blocks = []
    for values in plan:
        channels = pad_channels([value.channel for value in values], graph.block)
        written = add_pointwise(graph, source, convolution, channels)
        blocks.append(Block(written.tensor, values))
    return blocks


def compact(graph: GraphBuilder, blocks: list[Block], wanted: list[Value]) -> list[Block]:
    """What leaves a stage, its half-empty blocks copied into full ones where that pays.

    Producers that are long past leave few channels each, in a block each, and what leaves a stage
    is read by far more outputs than what stays in it. The copy is a convolution by ones and zeros,
    as the fast layout has no other way to move a channel; it is exact.
    """
    leaving = set(wanted)
    blocks = [block for block in blocks if not leaving.isdisjoint(block.values)]
    sparse = choose_sparse([len(leaving.intersection(block.values)) for block in blocks],
                           [pad_count(len(block.values), graph.block) for block in blocks],
                           graph.block)  # fmt: skip
    if not sparse:
        return blocks
    moved = [blocks[index] for index in sparse]
    values = [value for block in moved for value in block.values if value in leaving]
    ones = np.eye(len(values), dtype=np.float32)[:, :, None, None]
    identity = Convolution(ones, np.zeros(len(values), np.float32))
    with graph.scope("compact"):
        full = add_pointwise(graph, join_blocks(graph, moved, values), identity, relu=False)
    kept = [block for index, block in enumerate(blocks) if index not in sparse]
    return [*kept, Block(full.tensor, values)]


def join_blocks(graph: GraphBuilder, blocks: list[Block], wanted: list[Value]) -> Feature:
    """The tensor that holds the wanted values, each channel named by its place among them."""
    place = {value: index for index, value in enumerate(wanted)}
    read = [block for block in blocks if not place.keys().isdisjoint(block.values)]
    channels = np.concatenate(
        [
            pad_channels([place.get(value, PADDING) for value in block.values], graph.block)
            for block in read
        ]
    )
    if len(read) == 1:
        return Feature(read[0].tensor, channels)
    return Feature(graph.add("Concat", *(block.tensor for block in read), axis=1), channels)
