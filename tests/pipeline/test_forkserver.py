"""The fork server by hand; with its supervisor it is tested in `test_forker.py`."""

import errno
import os
import socket

import pytest

from pipeline import forkserver
from pipeline.orders import BIRTH


def test_a_fork_that_the_kernel_refuses_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    supervisor, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with supervisor, server:
        assert forkserver.fork(server, 7, -1) is None
        assert BIRTH.unpack(supervisor.recv(BIRTH.size)) == (7, -errno.EAGAIN)
