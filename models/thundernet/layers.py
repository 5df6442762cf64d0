"""A chain of layers that trains on the CPU with the compiled kernels of `native`."""

from torch import Tensor, nn

from models.thundernet.native import batch_norm, depthwise, pointwise


def convolve(layer: nn.Module, x: Tensor) -> Tensor:
    """`layer(x)` of a convolution with a bias, by the matrix unit where that may serve."""
    if pointwise.serves_alone(x, layer):
        assert isinstance(layer, nn.Conv2d)
        return pointwise.convolve(x, layer)
    y: Tensor = layer(x)
    return y


class Layers(nn.Sequential):
    """Equal to `nn.Sequential` up to rounding, with the same names of parameters.

    Batch norm and the ReLU behind it become one operator; depthwise convolutions get the gradient
    of their weights from a kernel; where a recipe allows the processor's matrix unit, 1x1
    convolutions become one operator with what is behind them. Where those do not serve, the layers
    are called as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        layers = list(self)
        while layers:
            layer = layers.pop(0)
            if layers and pointwise.serves(x, layer, layers[0]):
                assert isinstance(layer, nn.Conv2d)
                norm = layers.pop(0)
                assert isinstance(norm, nn.BatchNorm2d)
                relu = bool(layers) and type(layers[0]) is nn.ReLU
                x = pointwise.convolve(x, layer, norm, relu)
                layers = layers[relu:]
            elif isinstance(layer, nn.BatchNorm2d) and batch_norm.serves(x, layer):
                relu = bool(layers) and type(layers[0]) is nn.ReLU
                x = batch_norm.batch_norm(x, layer, relu)
                layers = layers[relu:]
            elif isinstance(layer, nn.Conv2d) and depthwise.serves(x, layer):
                x = depthwise.convolve(x, layer)
            else:
                x = layer(x)
        return x
