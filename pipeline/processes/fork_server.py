"""The process that every other process of the line is forked from.

The supervisor starts it, as a fork of itself or as `python -m pipeline.processes.fork_server`
(server_process.py).

A new Python spends half a second of its core on imports, at the start and after every death. This
process imports what the stages need once and forks: a process of the line begins within
milliseconds, and the imported modules are in memory once.

1. The supervisor sends a number with the reading end of a pipe, over a socket.
2. The server forks twice, and the process in between exits. So the kernel makes the new process a
   child of the supervisor, which reaps it, and with which it dies.
3. The new process sends the number and its process id back; where the kernel refuses a fork, its
   reason comes instead of the id.
4. The supervisor writes orders into the pipe, and the process begins. When the pipe ends without
   orders, supervisor or server have died meanwhile, and the process ends itself.
"""

import contextlib
import importlib
import os
import socket
import sys
import time

import msgspec

from pipeline import log
from pipeline.processes import child_main
from pipeline.processes.mapped_files import give_back_files
from pipeline.processes.orders import EXIT_REFUSED, NUMBER, READY, STARTED, Preload, learn_to_decode
from pipeline.processes.signals import ignore_what_the_supervisor_hears
from pipeline.realtime import count_threads, die_with_parent, freeze_gc, name_process

MESSAGE_BYTES = 1 << 16
_PARENT_LOOK_S = 0.0002


def main() -> int:
    log.guard_crashes()
    try:
        supervisor = take_standard_input()
        preload = _receive_preload(supervisor)
    except (OSError, msgspec.DecodeError) as error:
        sys.stderr.write(f"standard input: expected the socket of a supervisor: {error}\n")
        return EXIT_REFUSED
    return _run(supervisor, preload)


def run(supervisor: socket.socket) -> int:
    """Serve; in a process that was forked meanwhile, be that process. Returns the exit code.

    Raises:
        OSError, msgspec.DecodeError: there is no supervisor at the other end.
    """
    return _run(supervisor, _receive_preload(supervisor))


def _receive_preload(supervisor: socket.socket) -> Preload:
    return msgspec.msgpack.decode(supervisor.recv(MESSAGE_BYTES), type=Preload)


def _run(supervisor: socket.socket, preload: Preload) -> int:
    ignore_what_the_supervisor_hears()
    name_process("fork_server")
    die_with_parent(preload.supervisor_pid)
    with supervisor:
        import_all(preload.modules)
        answer(supervisor, READY, os.getpid())
        orders = serve(supervisor)
    return child_main.main(orders) if orders else 0


def take_standard_input() -> socket.socket:
    """The socket that was given as standard input. Standard input is empty from here on."""
    taken = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    return taken


def import_all(modules: tuple[str, ...]) -> None:
    """Import what can be imported; the process that needs the rest reports it.

    Raises:
        RuntimeError: one of them has started a thread, which no fork would have.
    """
    before = count_threads()  # an emulator has one of its own, which each fork gets anew
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
        if (new := count_threads() - before) > 0:
            raise RuntimeError(f"{module}: expected an import without threads, got {new}")
    learn_to_decode()  # once, and not in each process
    give_back_files()
    freeze_gc()  # objects that the collector leaves alone stay in shared pages


def serve(supervisor: socket.socket) -> bytes:
    """Fork at each request.

    Returns the orders in a new process; in the server nothing, when the supervisor has closed its
    end of the socket.
    """
    while True:
        try:
            request, fds, _, _ = socket.recv_fds(supervisor, NUMBER.size, 1)
        except ConnectionResetError:  # closed before it has read an answer
            return b""
        if not request:
            return b""
        (number,) = NUMBER.unpack(request)
        orders = fork(supervisor, number, fds[0])
        os.close(fds[0])
        if orders is not None:
            return orders


def fork(supervisor: socket.socket, number: int, orders_fd: int) -> bytes | None:
    """Returns None in the server, and in the new process its orders."""
    between = try_fork(supervisor, number)
    if between:
        os.waitpid(between, 0)
    if between != 0:
        return None
    between = os.getpid()
    if try_fork(supervisor, number) != 0:
        os._exit(0)
    while os.getppid() == between:
        time.sleep(_PARENT_LOOK_S)
    os.setsid()  # Ctrl-C in the terminal reaches the supervisor alone
    answer(supervisor, number, os.getpid())
    with open(orders_fd, "rb", closefd=False) as pipe:
        orders = pipe.read()
    if not orders:  # it is not wanted any more
        os._exit(0)
    return orders


def try_fork(supervisor: socket.socket, number: int) -> int | None:
    """As `os.fork`; None when the kernel refuses, which is answered to the supervisor."""
    try:
        return os.fork()
    except OSError as error:  # too many processes, or too little memory
        answer(supervisor, number, -(error.errno or 1))
        return None


def answer(supervisor: socket.socket, number: int, pid: int) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone: requests and orders end too
        supervisor.send(STARTED.pack(number, pid))


if __name__ == "__main__":
    sys.exit(main())
