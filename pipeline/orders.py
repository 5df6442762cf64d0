"""What the supervisor says to a process at its start, and what the process says at its end."""

import msgspec

from pipeline.topology import RunSpec

EXIT_CRASHED = 1  # worth another try
EXIT_REFUSED = 2  # something outside is wrong, and a restart would not mend it


class Orders(msgspec.Struct, frozen=True):
    """Sent over standard input: they may hold passwords, which a command line would show."""

    run: RunSpec
    index: int  # of the process in the run
    log_level: str
