from pathlib import Path
from types import NoneType

import pytest
import zmq

from pipeline.links.parcel import Parcel, ParcelDecoder, encode_parcel
from pipeline.links.sockets import (
    LinkError,
    bind,
    dispatch_address,
    has_message,
    make_socket,
    receive_parcels,
    stream_address,
)
from tests.pipeline.frames import make_ref
from tests.running_line import wait_until


def test_each_link_has_an_address_of_its_own_in_the_directory_of_the_run(tmp_path: Path) -> None:
    addresses = {
        stream_address(tmp_path, "left"), stream_address(tmp_path, "right"),
        dispatch_address(tmp_path, "left", "right"), dispatch_address(tmp_path, "right", "left"),
    }  # fmt: skip
    assert len(addresses) == 4
    assert all(address.startswith(f"ipc://{tmp_path}/") for address in addresses)


def test_a_socket_that_cannot_be_bound_is_closed() -> None:
    socket = make_socket(zmq.PULL)
    with pytest.raises(LinkError, match=r"cannot listen at ipc:///nonexistent/left\.ipc"):
        bind(socket, "ipc:///nonexistent/left.ipc")
    assert socket.closed


def test_parcels_are_received_in_order_and_other_bytes_are_left_out(
    short_dir: Path, said: list[str]
) -> None:
    sender, receiver = make_socket(zmq.PUSH), make_socket(zmq.PULL)
    bind(receiver, stream_address(short_dir, "left"))
    sender.connect(stream_address(short_dir, "left"))
    assert not has_message(receiver)
    for frame in range(3):
        sender.send(encode_parcel(Parcel(make_ref(frame), None)))
        sender.send(b"no parcel")
    found: list[int] = []

    def there() -> bool:
        parcels = receive_parcels(receiver, ParcelDecoder(NoneType))
        found.extend(parcel.ref.frame_id for parcel in parcels)
        return len(found) == len(said) == 3

    wait_until(there, "all have arrived")
    assert found == [0, 1, 2]
    assert all(text.startswith("inner link: no frame reference and body (9 ") for text in said)
    sender.close()
    receiver.close()
