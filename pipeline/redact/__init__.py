"""Keeps credentials out of every text that leaves a process.

`learn` tells a process which addresses it works with; `redact` takes credentials out of a text.
Each place where text leaves calls `redact`: `pipeline.log`, the reason of a camera's state, the
reason of a failed frame, and the arguments that the kernel shows of a process.
"""

from pipeline.redact.command_line import hide_arguments, learn_arguments
from pipeline.redact.known_secrets import forget, learn, redact

__all__ = ["forget", "hide_arguments", "learn", "learn_arguments", "redact"]
