"""A line on an emulated processor: `python -m tests.arm.line ARGUMENTS`, as of run_pipeline.py.

qemu 7.2 refuses prctl(PR_SET_CHILD_SUBREAPER), and 10.0 does not: the process that starts the
emulator asks for it instead, since it outlives execve(2). And qemu has a thread of its own; the
line would not fork with one that it does not know, and start a Python instead, which is slow here.
"""

import sys
from unittest.mock import patch

import run_pipeline
from pipeline.processes import fork_client, server_process
from pipeline.realtime import count_threads


def count_own_threads() -> int:
    return max(count_threads() - 1, 1)


def main() -> int:
    with (
        patch.object(fork_client, "adopt_orphans"),
        patch.object(server_process, "count_threads", count_own_threads),
    ):
        return run_pipeline.main()


if __name__ == "__main__":
    sys.exit(main())
