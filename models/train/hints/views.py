"""What teacher and student look at: windows of images, in numbered batches.

Shapes: N views of a batch, S pixels per side.
"""

import hashlib

import msgspec
import torch
from torch import Tensor

from models.data.augment import AugmentConfig, augment
from models.data.batches import Batches
from models.train.hints.recipe import HintsRecipe
from models.train.seeded_generator import seeded_generator

WHOLE_IMAGES = AugmentConfig(flip=0.0, zoom=(1.0, 1.0), aspect=0.0)
CPU = torch.device("cpu")


class Views:
    """A batch is the same whenever and at whatever size it is asked for: seed and number decide."""

    def __init__(self, batches: Batches, recipe: HintsRecipe, config: AugmentConfig) -> None:
        self.batches, self.seed = batches, recipe.seed
        still = ("brightness", "contrast", "saturation", "tint", "grey", "low_light")
        self.config = msgspec.structs.replace(config, **dict.fromkeys(still, 0.0))
        self.fill = torch.tensor(recipe.model.pixel_mean).view(1, 3, 1, 1)

    def images(self, number: int, size: int) -> Tensor:
        """Batch `number` by day, in the images' own colours: (N, 3, S, S) BGR, 0 to 255."""
        # On the CPU, whatever trains: another device's generator would draw other windows.
        generator = seeded_generator(CPU, self.seed, number)
        batch = self.batches.batch(number)
        return augment(batch, size, self.fill, self.config, generator)[0]

    @property
    def identity(self) -> str:
        """Differs where any view differs."""
        digest = hashlib.sha256(msgspec.json.encode(self.config))
        digest.update(f"{self.seed}/{self.batches.batch_size}/{self.fill.tolist()}".encode())
        digest.update(self.batches.cumulative.tobytes())
        for samples in self.batches.sets:
            digest.update("\n".join(samples.names).encode())
            digest.update(f"{samples.images.shape}{samples.boxes.shape}".encode())
            digest.update(samples.boxes.tobytes() + samples.labels.tobytes())  # windows avoid some
        return digest.hexdigest()
