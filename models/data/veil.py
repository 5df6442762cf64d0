"""Objects seen through another picture: images without any laid over those of the same batch.

Mixup (Zhang et al., ICLR 2018, arXiv:1710.09412), as detection uses it (Zhang et al., 2019,
arXiv:1902.04103), of which only the half is taken that leaves the labels as they are: what shines
through has nothing to find, so that objects are met before more grounds than were photographed.

Shapes: N images, S pixels per side, M padded boxes.
"""

from torch import Tensor

from models.data.empty_images import images_without_objects, labelled_in_both
from models.thundernet.ground_truth import GroundTruth

NOISE_OF_VEIL = 3  # numbers per image
OPACITY = (0.1, 0.4)  # of the veil: objects stay plain enough to be asked for


def lay_veils(
    images: Tensor, truth: GroundTruth, part: float, noise: Tensor
) -> tuple[Tensor, GroundTruth]:
    """Images (N, 3, S, S) of which about `part` shine through one of the batch without objects.

    Args:
        noise: (N, NOISE_OF_VEIL) in [0, 1).
    """
    empty = images_without_objects(truth)
    if not len(empty):
        return images, truth
    wanted, which, opacity = noise.unbind(dim=1)
    veil = empty[(which * len(empty)).long()]  # (N,)
    low, high = OPACITY
    opacity = (low + (high - low) * opacity) * (wanted < part)
    mixed = images.lerp(images[veil], opacity[:, None, None, None])
    return mixed, truth._replace(labelled=labelled_in_both(truth, veil, opacity > 0))
