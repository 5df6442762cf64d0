"""What can be done to the connections with a server."""

import socket
import threading
from contextlib import closing, suppress


class Proxy:
    """Stands before a server, and can stop to forward anything: a cable that was pulled."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self._flows = threading.Event()
        self._flows.set()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def hold(self) -> None:
        """From now on nothing gets through, also of new connections, and nobody is told."""
        self._flows.clear()

    def release(self) -> None:
        """New connections get through; what was held is lost."""
        self._flows.set()

    def close(self) -> None:
        self._ended.set()
        self._server.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        self._server.settimeout(0.05)
        while not self._ended.is_set():
            with suppress(OSError):
                client, _ = self._server.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            suppress(OSError),
            closing(socket.create_connection(("127.0.0.1", self._to))) as server,
        ):
            ends = {client: server, server: client}
            for end in ends:
                end.settimeout(0.02)
            while not self._ended.is_set():
                for end, other in ends.items():
                    with suppress(TimeoutError):
                        data = end.recv(1 << 16)
                        if not data:
                            return
                        if not self._flows.is_set():
                            self._ended.wait()
                            return
                        self._forward(data, other)

    def _forward(self, data: bytes, end: socket.socket) -> None:
        """All of it, however slowly it is read."""
        while data and not self._ended.is_set():
            with suppress(TimeoutError):
                data = data[end.send(data) :]
