"""A line for each test of a service, and an end for each database that it opens."""

from tests.stages.services.databases import databases_that_end
from tests.stages.services.hand_made_line import hand_made_line

__all__ = ["databases_that_end", "hand_made_line"]
