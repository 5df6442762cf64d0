"""Context Enhancement Module (Sec. 3.3, Fig. 4): three scales summed into one map.

Shapes: C4 (N, C, H, W), C5 (N, C', ceil(H/2), ceil(W/2)) -> context (N, alpha*p*p, H, W),
H = S/16.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from models.thundernet.layers import convolve


class ContextMaps(NamedTuple):
    for_rpn: Tensor  # (N, alpha*p*p, H, W)
    context: Tensor  # (N, alpha*p*p, H, W), F_CEM: what SAM reweights and PSRoIAlign reads


def enlarge_twice(c5: Tensor, c4: Tensor) -> Tensor:
    """`c5` at the size of `c4`: cell i of C4 reads cell i // 2, which has its centre nearest.

    At 240 pixels (Sec. 4.1) C4 has 15 cells per side, centred on pixels 0, 16, ..., 224, and C5 8,
    on 0, 32, ..., 224: the 16th of twice eight has no place. Stretching 8 to 15 would shift cells.
    """
    enlarged = F.interpolate(c5, scale_factor=2, mode="nearest")
    height, width = c4.shape[2:]
    return enlarged[:, :, :height, :width]


class ContextEnhancementModule(nn.Module):
    """Sum of C4, of C5 enlarged twice and of C5's global average, each after a 1x1 convolution.

    Levels left out of `levels` are not built.
    """

    def __init__(
        self, c4_channels: int, c5_channels: int, out_channels: int, levels: Sequence[str]
    ) -> None:
        super().__init__()
        in_channels = {"c4": c4_channels, "c5": c5_channels, "global": c5_channels}
        self.project = nn.ModuleDict(
            {level: nn.Conv2d(in_channels[level], out_channels, 1) for level in levels}
        )

    def forward(self, c4: Tensor, c5: Tensor) -> ContextMaps:
        """The same map for both."""
        terms: list[Tensor] = []
        if "c4" in self.project:
            terms.append(convolve(self.project["c4"], c4))
        if "c5" in self.project:
            terms.append(enlarge_twice(convolve(self.project["c5"], c5), c4))
        if "global" in self.project:
            pooled = c5.mean(dim=(2, 3), keepdim=True)  # (N, C', 1, 1)
            terms.append(self.project["global"](pooled).expand(-1, -1, *c4.shape[2:]))
        context = sum(terms[1:], start=terms[0])
        return ContextMaps(context, context)


class SeparateMaps(nn.Module):
    """Without CEM: C4 for the RPN and C5, enlarged, for the RoI head (Sec. 4.4.3, Baseline)."""

    def __init__(self, c4_channels: int, c5_channels: int, out_channels: int) -> None:
        super().__init__()
        self.c4 = nn.Conv2d(c4_channels, out_channels, 1)
        self.c5 = nn.Conv2d(c5_channels, out_channels, 1)

    def forward(self, c4: Tensor, c5: Tensor) -> ContextMaps:
        """Maps of the same shape. A 1x1 convolution and the enlargement commute; before it, the
        convolution costs a quarter.
        """
        return ContextMaps(self.c4(c4), enlarge_twice(self.c5(c5), c4))


def make_context(
    c4_channels: int,
    c5_channels: int,
    out_channels: int,
    levels: Sequence[str],
    enhanced: bool = True,
) -> ContextEnhancementModule | SeparateMaps:
    """CEM of the given levels, or what takes its place in a network without it."""
    if enhanced:
        return ContextEnhancementModule(c4_channels, c5_channels, out_channels, levels)
    return SeparateMaps(c4_channels, c5_channels, out_channels)
