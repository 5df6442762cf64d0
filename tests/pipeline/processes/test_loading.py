import pytest

from pipeline.processes.loading import load_target
from pipeline.processes.supervisor import Supervisor


def test_a_target_is_a_class_by_its_dotted_path() -> None:
    assert load_target("pipeline.processes.supervisor:Supervisor") is Supervisor


@pytest.mark.parametrize("target", ["pipeline.none:A", "pipeline.processes.supervisor:None_"])
def test_a_target_that_is_not_there_is_an_error(target: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        load_target(target)
