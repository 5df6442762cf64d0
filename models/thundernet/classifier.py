"""A backbone as ImageNet classifier: what it is pretrained as, and Tables 1, 5 and 6 count.

Shapes: N images, S pixels per side, K classes; images (N, 3, S, S) -> logits (N, K).
"""

import msgspec
from torch import Tensor, nn

from models.errors import ConfigError
from models.thundernet.backbones.backbone import make_backbone
from models.thundernet.backbones.plan import Backbone
from models.thundernet.config import ThunderNetConfig, check_backbone
from models.thundernet.input_shape import check_input_size
from models.thundernet.pixel_input import PixelNetwork
from models.thundernet.thundernet import initialise

DETECTOR = ThunderNetConfig()  # whose view of an image the backbone is trained for


class ClassifierConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    backbone: Backbone
    balanced_downsampling: bool = True
    input_size: int = 224  # pixels
    num_classes: int = 1000
    pixel_mean: tuple[float, float, float] = DETECTOR.pixel_mean  # BGR
    pixel_std: tuple[float, float, float] = DETECTOR.pixel_std

    def __post_init__(self) -> None:
        check_input_size(self.input_size)
        check_backbone(self.backbone, self.balanced_downsampling)
        if self.num_classes < 1:
            raise ConfigError(f"num_classes: expected at least 1, got {self.num_classes}")


class Classifier(PixelNetwork):
    """C5, averaged over the image, and one fully connected layer."""

    OUTPUTS = ("classify",)

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config.pixel_mean, config.pixel_std)
        self.backbone = make_backbone(config.backbone, config.balanced_downsampling)
        self.classify = nn.Linear(self.backbone.c5_channels, config.num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        c5 = self.backbone(images).c5
        logits: Tensor = self.classify(c5.mean(dim=(2, 3)))  # (N, K)
        return logits
