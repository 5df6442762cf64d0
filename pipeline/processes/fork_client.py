"""The supervisor's end of the fork server: requests processes, and keeps the server alive."""

import os
import select
import socket
import subprocess
import time

import msgspec

from pipeline.limits import Limits
from pipeline.logger import logger
from pipeline.processes import fork_server
from pipeline.processes.forked_process import ForkedProcess, describe_exit
from pipeline.processes.orders import EXIT_CRASHED, NUMBER, READY, STARTED, Preload
from pipeline.processes.restarts import Restarts
from pipeline.processes.server_process import start_server
from pipeline.realtime import adopt_orphans

_ANSWER_S = 2.0  # for a fork, which takes milliseconds
_STOP_S = 2.0  # a machine that is busy forks slowly
_REAP_TICK_S = 0.001


class ForkServerClient:
    """Makes processes that are children of this one.

    A server that dies or hangs is replaced. Processes that run are not touched by that; those that
    were requested and have not started are requested again. `exhausted`: the server died too often,
    and no more processes can be made.
    """

    def __init__(self, supervisor_pid: int, modules: tuple[str, ...], limits: Limits) -> None:
        adopt_orphans()
        self._preload = msgspec.msgpack.encode(Preload(supervisor_pid, modules))
        self._limits = limits
        self._restarts = Restarts(limits)
        self._awaited: dict[int, ForkedProcess] = {}
        self._unwanted: list[int] = []  # process ids, to be reaped
        self._next_number = 0
        self.exhausted = False
        self._start()

    def make(self, orders: bytes) -> ForkedProcess:
        """Request a process; it starts when the server has answered."""
        process = ForkedProcess(orders)
        self._request(process)
        return process

    def fds(self) -> list[int]:
        """Descriptors for `select`: answers of the server, and its exit."""
        return [] if self.exhausted else [self._socket.fileno(), self._pidfd]

    def look(self) -> None:
        """Take the answers that are there; replace a server that has ended or does not answer."""
        if self.exhausted:
            return
        self._take_answers()
        self._reap_unwanted()
        if (code := self._server.poll()) is not None:
            self._replace(describe_exit(code))
        elif self._is_late():
            self._server.kill()
            self._server.wait()
            self._replace("hung")

    def close(self) -> None:
        """End the server and the processes that have not started yet; leave none of them behind."""
        for process in self._awaited.values():
            process.drop_pipe()
        if not self.exhausted:
            deadline_s = time.monotonic() + _STOP_S
            self._socket.shutdown(socket.SHUT_WR)
            # Its forks hold the other end, too: the last answer has come when all have let go.
            while self._take_answers() and (left_s := deadline_s - time.monotonic()) > 0:
                select.select([self._socket], [], [], left_s)
            self._end_server(deadline_s - time.monotonic())
            self._socket.close()
            os.close(self._pidfd)
        self._awaited.clear()
        self._reap_unwanted(_STOP_S)

    def _end_server(self, patience_s: float) -> None:
        try:
            self._server.wait(max(patience_s, 0.0))
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _reap_unwanted(self, patience_s: float = 0.0) -> None:
        """Reap processes that nothing waited for when they started; they end by themselves."""
        deadline_s = time.monotonic() + patience_s
        while True:
            self._unwanted = [pid for pid in self._unwanted if not has_ended(pid)]
            if not self._unwanted or time.monotonic() >= deadline_s:
                return
            time.sleep(_REAP_TICK_S)

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        with theirs:
            self._server = start_server(theirs, fork_server.run, fork_server.__name__)
        self._pidfd = os.pidfd_open(self._server.pid)
        self._ready = False
        self._waiting_since_s = time.monotonic()
        self._send(self._preload)

    def _replace(self, why: str) -> None:
        self._socket.close()
        os.close(self._pidfd)
        self._restarts.count_death(useful=self._ready)
        requested = [process for process in self._awaited.values() if process.is_awaited]
        self._awaited.clear()
        for process in requested:
            process.drop_pipe()  # the dead server may have made it in its last moment
        if self._restarts.exhausted:
            logger.error("fork server {}: it died {} times in {:g} s", why,
                         self._limits.restarts + 1, self._limits.window_s)  # fmt: skip
            self.exhausted = True
            for process in requested:
                process.fail(EXIT_CRASHED)
            return
        logger.warning("fork server {}: starting it again", why)
        self._start()
        for process in requested:
            self._request(process)

    def _request(self, process: ForkedProcess) -> None:
        if self.exhausted:
            process.fail(EXIT_CRASHED)
            return
        number, self._next_number = self._next_number, self._next_number + 1
        if not self._awaited:
            self._waiting_since_s = time.monotonic()
        self._awaited[number] = process
        reading_fd = process.make_pipe()
        try:
            self._send(NUMBER.pack(number), reading_fd)
        finally:
            os.close(reading_fd)

    def _send(self, message: bytes, *fds: int) -> None:
        try:
            socket.send_fds(self._socket, [message], fds)
        except (BrokenPipeError, ConnectionError, BlockingIOError):
            """The server is dead or hung; the next look replaces it and requests again."""

    def _take_answers(self) -> bool:
        """Take the answers that are there; returns whether more may come."""
        while True:
            try:
                answer = self._socket.recv(STARTED.size)
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            if not answer:
                return False
            self._take_started(*STARTED.unpack(answer))

    def _take_started(self, number: int, pid: int) -> None:
        self._waiting_since_s = time.monotonic()
        if number == READY:
            self._ready = True
            return
        process = self._awaited.pop(number)
        if not process.is_awaited:  # killed before it has started: it ends by itself
            if pid > 0:
                self._unwanted.append(pid)
            return
        if pid < 0:
            logger.error("cannot fork: {}", os.strerror(-pid))
            process.fail(EXIT_CRASHED)
            return
        process.started(pid)

    def _is_late(self) -> bool:
        limit_s = _ANSWER_S if self._ready else self._limits.start_s
        waited_s = time.monotonic() - self._waiting_since_s
        return (not self._ready or bool(self._awaited)) and waited_s > limit_s


def has_ended(pid: int) -> bool:
    """Whether a child has ended; then it is reaped."""
    return os.waitpid(pid, os.WNOHANG)[0] != 0
