"""An end for each database that a test opens."""

from tests.stages.services.databases import databases_that_end

__all__ = ["databases_that_end"]
