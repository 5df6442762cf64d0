import contextlib
import re
import socket
from pathlib import Path

import pytest

from pipeline.links.endpoint import check_endpoint, local_path
from pipeline.links.sockets import LinkError

IN_USE = r"Address already in use; is another line running there\?"


@pytest.fixture
def path(short_dir: Path) -> Path:
    return short_dir / "pub"


def test_an_address_is_free_again_after_the_check(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for _ in range(3):
        check_endpoint(f"tcp://127.0.0.1:{port}")
        check_endpoint(f"ipc://{path}")
    assert not path.exists()
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(LinkError, match=IN_USE):
            check_endpoint(endpoint)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_local_address_in_use_is_refused_and_stays(path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(str(path))
        if kind is socket.SOCK_STREAM:
            server.listen()
        with pytest.raises(LinkError, match=IN_USE):
            check_endpoint(f"ipc://{path}")
        assert path.is_socket()


def test_a_server_that_accepts_nobody_is_one_too(path: Path) -> None:
    """Its queue is full: one more connection would wait for ever."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(str(path))
        server.listen(0)
        first = stack.enter_context(socket.socket(socket.AF_UNIX))
        first.connect(str(path))
        with pytest.raises(LinkError, match=IN_USE):
            check_endpoint(f"ipc://{path}")


def test_the_socket_of_a_line_that_was_killed_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    check_endpoint(f"ipc://{path}")


def test_a_file_that_is_no_socket_is_refused_and_stays(path: Path) -> None:
    path.write_text("kept")  # ZeroMQ would remove it
    with pytest.raises(LinkError, match=re.escape("expected a socket or no file, got another")):
        check_endpoint(f"ipc://{path}")
    assert path.read_text() == "kept"


def test_a_link_to_a_file_is_refused_and_stays(path: Path) -> None:
    target = path.with_name("clip")
    target.write_text("kept")
    path.symlink_to(target)
    with pytest.raises(LinkError, match="got another"):
        check_endpoint(f"ipc://{path}")
    assert path.is_symlink()


def test_a_folder_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(LinkError, match="No such file or directory"):
        check_endpoint(f"ipc://{path}/none/pub")


@pytest.mark.parametrize(
    ("endpoint", "file"),
    [
        ("ipc:///run/pub", Path("/run/pub")),
        ("ipc://@name", None),  # of the kernel, without a file
        ("ipc://*", None),  # ZeroMQ chooses it
        ("tcp://127.0.0.1:5570", None),
    ],
)
def test_some_local_addresses_are_files(endpoint: str, file: Path | None) -> None:
    assert local_path(endpoint) == file
