"""Which model file a configuration leads to on this machine."""

from pipeline.errors import LineError
from pipeline.logger import logger
from pipeline.realtime import available_cores
from stages.config import SHIPPED_MODEL, LineConfig
from stages.model.model_choice import AUTO, Choice, choose_among, choose_model
from stages.model.model_file import ModelFileError
from stages.model.zoo import find_model, shipped_path


def choose_for(config: LineConfig) -> Choice:
    """What `model: auto` comes to; times are measured on the core of `detect`.

    Raises:
        LineError: a file cannot be read, or states no accuracy.
    """
    core, *_ = config.cores.get("detect") or [available_cores()[-1]]
    threads, auto = config.detect.threads, config.auto
    try:
        if auto.models:
            paths = [find_model(model) for model in auto.models]
            return choose_among(paths, auto.at_most_ms, threads, core)
        return choose_model(str(shipped_path(SHIPPED_MODEL)), threads, core)
    except ModelFileError as error:
        raise LineError(str(error)) from None


def find_model_file(config: LineConfig) -> str:
    """The configured file, or the one that `auto` chooses."""
    if config.model != AUTO:
        return find_model(config.model)
    choice = choose_for(config)
    logger.info("model: auto: {}", choice.reason)
    return choice.path


def check_loads(path: str, threads: int) -> None:
    """Load the file and give it one black frame, as `detect` does when it starts.

    Raises:
        LineError: the card may be good, the network is not.
    """
    from stages.model.detector import Detector  # ONNX Runtime, which a supervisor has no use for

    try:
        Detector(path, threads)
    except ModelFileError as error:
        raise LineError(str(error)) from None
