"""The backbone that a configuration names or describes."""

from models.thundernet.backbones.mobilenet_v2 import MobileNetV2
from models.thundernet.backbones.plan import Backbone, MobileNetV2Plan, ShuffleNetV1Plan
from models.thundernet.backbones.shufflenet_v1 import ShuffleNetV1
from models.thundernet.backbones.snet import SNet

BackboneModule = SNet | ShuffleNetV1 | MobileNetV2


def make_backbone(backbone: Backbone, balanced: bool = True) -> BackboneModule:
    """A module with `c4_channels`, `c5_channels` and maps C4 and C5 as its output.

    Args:
        balanced: see `DownUnit`; of no meaning to backbones without ShuffleNetV2 units.
    """
    match backbone:
        case ShuffleNetV1Plan():
            return ShuffleNetV1(backbone)
        case MobileNetV2Plan():
            return MobileNetV2(backbone)
        case _:
            return SNet(backbone, balanced)
