"""What sides images may have in training."""

from models.errors import ConfigError
from models.thundernet.config import STRIDE


def check_training_size(size: int) -> None:
    """Raises ConfigError unless C4 covers the images exactly; C5 may reach beyond it (CEM).

    The deployed input size is stricter (`check_input_size`): exported graphs only double C5.
    """
    if size < 64 or size % STRIDE:
        raise ConfigError(f"training size: expected a multiple of {STRIDE} from 64 up, got {size}")
