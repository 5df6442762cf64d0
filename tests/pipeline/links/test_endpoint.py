import contextlib
import re
import socket
from pathlib import Path

import pytest

from pipeline.links.endpoint import check_endpoint, local_path
from pipeline.links.sockets import LinkError
from tests.ports import free_port

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


def refuse(endpoint: str) -> str:
    with pytest.raises(LinkError) as refused:
        check_endpoint(endpoint)
    return str(refused.value).removeprefix("publish.endpoint: ")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_a_free_endpoint_passes_and_stays_free(short_dir: Path) -> None:
    port = free_port()
    for endpoint in (f"tcp://127.0.0.1:{port}", f"tcp://*:{port}", f"tcp://lo:{port}"):
        check_endpoint(endpoint)
        check_endpoint(endpoint)
    check_endpoint(f"ipc://{short_dir}/pub")
    assert list(short_dir.iterdir()) == []


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
def test_an_ipv6_address_passes() -> None:
    check_endpoint(f"tcp://[::1]:{free_port()}")
    check_endpoint(f"tcp://[::]:{free_port()}")


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://[::1]",
                                      "tcp://::1:5570", "tcp://:5570"])  # fmt: skip
def test_an_endpoint_without_address_or_port_is_refused(endpoint: str) -> None:
    assert refuse(endpoint) == (
        f"expected an address and a port, an IPv6 address in brackets, got {endpoint}"
    )


@pytest.mark.parametrize(
    "port", ["0", "65536", "99999999999", "-1", "http", "*", "5570/", "\u0665"]
)
def test_a_port_that_is_none_is_refused(port: str) -> None:
    endpoint = f"tcp://127.0.0.1:{port}"
    assert refuse(endpoint) == f"expected a port from 1 to 65535, got '{port}' in {endpoint}"


@pytest.mark.parametrize("address", ["192.0.2.1", "no-such-interface", "no.such.host.invalid",
                                     "[2001:db8::1]"])  # fmt: skip
def test_an_address_of_no_interface_here_is_refused(address: str) -> None:
    endpoint = f"tcp://{address}:{free_port()}"
    assert refuse(endpoint).startswith(f"cannot listen at {endpoint}: ")


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


def test_a_file_is_not_taken_for_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("of the user")
    assert "expected a socket or no file, got another file" in refuse(f"ipc://{path}")
    assert path.read_text() == "of the user"


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/tmp/" + "x" * 120])
def test_a_local_address_that_cannot_be_is_refused(path: str) -> None:
    assert refuse(f"ipc://{path}").startswith(f"cannot listen at ipc://{path}: ")


@pytest.mark.parametrize("endpoint", ["ipc:///tmp/a\0b", "tcp://127.0.0.1:5570\0"])
def test_a_null_byte_is_refused(endpoint: str) -> None:
    assert refuse(endpoint) == f"expected an address without null bytes, got {endpoint!r}"
