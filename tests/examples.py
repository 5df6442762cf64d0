"""Random examples of properties: the same in every run, or new ones, and many times as many.

A run of the tests judges a change, so two runs of one commit must not differ. What no example has
met yet is looked for apart: `make explore`, or any test with the environment variable EXAMPLES. It
says how many times as many examples there are to be as usual, and they are drawn anew.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

TIMES = int(os.environ.get("EXAMPLES", "0"))  # as many as usual; 0: the same in every run
_USUAL = 100
_ALLOWED = [HealthCheck.too_slow]  # tests share two cores with whatever else runs there


def examples(usual: int = _USUAL, *allowed: HealthCheck) -> settings:
    """Settings of a property that is not tried with a hundred examples, but with `usual` ones.

    Hypothesis does not complain of what is `allowed`.
    """
    return settings(max_examples=usual * max(TIMES, 1), suppress_health_check=[*_ALLOWED, *allowed])


def load_profile() -> None:
    """Before any module with properties is imported: they take their settings from the profile."""
    settings.register_profile(
        "line",
        max_examples=_USUAL * max(TIMES, 1),
        derandomize=not TIMES,
        deadline=None,
        suppress_health_check=_ALLOWED,
    )
    # Emulated processors are some twenty times as slow: see tests/arm.
    settings.register_profile("emulated", settings.get_profile("line"), max_examples=10)
    settings.load_profile("line")
    if not TIMES:
        # It also draws numbers and texts from the code of all modules that were imported so far,
        # so examples would depend on the tests that the process has run before.
        providers._get_local_constants = Constants
