"""The fork server alone; `test_fork_client.py` tests it with its supervisor."""

import errno
import os
import socket

import pytest

from pipeline.processes import fork_server
from pipeline.processes.orders import STARTED


def test_a_fork_that_the_kernel_refuses_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    supervisor, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with supervisor, server:
        assert fork_server.fork(server, 7, -1) is None
        assert STARTED.unpack(supervisor.recv(STARTED.size)) == (7, -errno.EAGAIN)


@pytest.mark.parametrize("unread", [0, 1])
def test_the_server_ends_with_the_supervisors_end(unread: int) -> None:
    supervisor, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with server:
        for number in range(unread):
            fork_server.answer(server, number, os.getpid())
        supervisor.close()
        assert fork_server.serve(server) == b""
        fork_server.answer(server, 7, os.getpid())  # the supervisor is gone
