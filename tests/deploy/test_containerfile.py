"""What the image for another processor takes for granted."""

import re

from tests.deploy.distributions import find_distributions
from tests.running_line import REPOSITORY

CONTAINERFILE = REPOSITORY / "deploy/container/Containerfile"


def test_every_processor_needs_the_same_packages() -> None:
    """pip asks the processor that builds what is needed, not the one whose wheels it takes."""
    match = re.search(r"\.whl\)\[([\w,]+)\]", CONTAINERFILE.read_text())
    assert match is not None
    extras = match.group(1).split(",")
    told = [(distribution.name, need) for distribution in find_distributions(extras)
            for need in distribution.requires or () if "extra ==" not in need]  # fmt: skip
    assert len(told) > 10
    assert not [each for each in told if "platform_machine" in each[1]]


def test_nothing_runs_on_the_processor_of_the_image() -> None:
    stages = re.split(r"^FROM ", CONTAINERFILE.read_text(), flags=re.M)[1:]
    assert [stage.split()[0].removeprefix("--platform=") for stage in stages] == [
        "$BUILDPLATFORM", "$TARGETPLATFORM",
    ]  # fmt: skip
    assert "\nRUN " in stages[0]
    assert "\nRUN " not in stages[1]
