"""The model of a configuration: which file it is on this machine, and why."""

from collections.abc import Iterator

from pipeline.errors import LineError
from stages.config import LineConfig
from stages.line.configuration.paths import expand_home
from stages.line.doctor.finding import Finding, Level
from stages.line.model_to_run import check_loads, choose_for
from stages.model.model_choice import AUTO
from stages.model.model_file import ModelFileError, read_model_metadata
from stages.model.stated_accuracy import stated_accuracy
from stages.model.zoo import find_model

_NAME = "model"


def look_at_model(config: LineConfig) -> Iterator[Finding]:
    """What `model: auto` chooses here, or whether the file that is named can be read."""
    config = expand_home(config)
    try:
        if config.model == AUTO:
            choice = choose_for(config)
            level = Level.NOTE if choice.is_slow else Level.OK
            advice = (
                "results come later: a smaller model, or fewer frames" if choice.is_slow else ""
            )
            yield Finding(_NAME, choice.reason, level, advice)
        else:
            path = find_model(config.model)
            said = _describe(path)
            check_loads(path, config.detect.threads)
            yield Finding(_NAME, said)
    except (LineError, ModelFileError) as error:
        yield Finding(_NAME, str(error), Level.PROBLEM, "model: another file")


def _describe(path: str) -> str:
    card = read_model_metadata(path)
    width, height = card.input_wh
    stated = stated_accuracy(card)
    said = f"{card.name}: {len(card.labels)} classes at {width}x{height}"
    return said if stated is None else f"{said}, AP {stated.ap:.1f} on {stated.images}"
