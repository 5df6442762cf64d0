"""A backbone as ImageNet classifier: what it is pretrained as, and Tables 1, 5 and 6 count.

Shapes: N images, S pixels per side, K classes; images (N, 3, S, S) -> logits (N, K).
"""

import msgspec
from torch import Tensor, nn

from models.thundernet.backbones.backbone import make_backbone
from models.thundernet.backbones.plan import Backbone
from models.thundernet.config import check_backbone, check_input_size
from models.thundernet.errors import ConfigError


class ClassifierConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    backbone: Backbone
    balanced_downsampling: bool = True
    input_size: int = 224  # pixels
    num_classes: int = 1000

    def __post_init__(self) -> None:
        check_input_size(self.input_size)
        check_backbone(self.backbone, self.balanced_downsampling)
        if self.num_classes < 1:
            raise ConfigError(f"num_classes: expected at least 1, got {self.num_classes}")


class Classifier(nn.Module):
    """C5, averaged over the image, and one fully connected layer."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.backbone = make_backbone(config.backbone, config.balanced_downsampling)
        self.classify = nn.Linear(self.backbone.c5_channels, config.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        c5 = self.backbone(images).c5
        return self.classify(c5.mean(dim=(2, 3)))  # (N, K)
