"""A line for each test of a service."""

from tests.stages.services.hand_made_line import hand_made_line

__all__ = ["hand_made_line"]
