"""What a device tells of its streams, whichever way it tells it; and what is said where not."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from pipeline.source import SourceDenied, SourceError
from stages.readers.onvif.device import Device, Profile, service_at
from stages.readers.onvif.messages import Login
from tests.running_line import PATIENCE_S
from tests.stages.readers.onvif.server import PASSWORD, USER, OnvifDevice

LOGIN = Login(USER, PASSWORD)
STREAMS = [
    Profile("Main <stream>", "rtsp://192.168.1.20:554/main?a=1&b=2", "H264", (2560, 1440), 25.0),
    Profile("Sub", "rtsp://192.168.1.20:554/sub?a=1&b=2", "H264", (1280, 720), 15.0),
]
Serve = Callable[..., OnvifDevice]


@pytest.fixture
def serve() -> Iterator[Serve]:
    devices: list[OnvifDevice] = []

    def start(**options: Any) -> OnvifDevice:
        devices.append(OnvifDevice(**options))
        return devices[-1]

    yield start
    for device in devices:
        device.close()


def streams_of(device: OnvifDevice, login: Login | None = LOGIN) -> list[Profile]:
    return list(Device(device.url, login, PATIENCE_S).streams())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"login": "none"},
        {"login": "digest"},
        {"ahead": timedelta(days=-365 * 20)},
        {"ahead": timedelta(hours=1)},
        {"media": (2,)},
        {"media": (1, 2)},
        {"knows_services": False},
        {"prefix": "SOAP-ENV"},
        {"login": "digest", "media": (2,), "ahead": timedelta(days=400)},
    ],
    ids=str,
)
def test_streams_are_told_whatever_the_device_is_like(
    options: dict[str, Any], serve: Serve
) -> None:
    assert streams_of(serve(**options)) == STREAMS


@pytest.mark.parametrize(
    ("stream_host", "uri"),
    [
        ("0.0.0.0:8554", "rtsp://127.0.0.1:8554/"),
        ("admin:S3cret@10.0.0.9", "rtsp://10.0.0.9/"),
        ("[fe80::1]:554", "rtsp://[fe80::1]:554/"),
    ],
)
def test_an_address_leads_to_the_device_and_holds_no_password(
    stream_host: str, uri: str, serve: Serve
) -> None:
    first, *_ = streams_of(serve(stream_host=stream_host))
    assert first.uri == f"{uri}main?a=1&b=2"


@pytest.mark.parametrize("login", ["token", "digest"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Login(USER, "wrong"), "127.0.0.1: user name or password refused"),
        (Login("nobody", PASSWORD), "127.0.0.1: user name or password refused"),
        (None, "127.0.0.1: asks for a user name and password"),
    ],
)
def test_a_login_that_is_refused_is_told(
    login: str, given: Login | None, said: str, serve: Serve
) -> None:
    device = serve(login=login)
    with pytest.raises(SourceDenied) as denied:
        streams_of(device, given)
    assert str(denied.value) == said
    assert "GetProfiles" not in device.requests


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>a router</html>", "expected an ONVIF device, got status 200 and no body of SOAP"),
        (b"no", "expected an ONVIF device, got status 200 and no XML: syntax error"),
        (b"x" * ((1 << 20) + 1), "expected an answer of at most 1048576 bytes, got more"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "a message with a document type"),
        (b"<a><Body><GetServicesResponse/></Body></a>", "expected a service for media, got none"),
    ],
    ids=["HTML", "text", "flood", "entities", "no media"],
)
def test_what_is_no_camera_is_told(answer: bytes, said: str, serve: Serve) -> None:
    device = serve()
    device.fixed = answer
    with pytest.raises(SourceError, match=f"^127.0.0.1: .*{said}"):
        streams_of(device)


@pytest.mark.parametrize("stream_host", ["[", "a b", "10.0.0.9:99999"])
def test_an_address_that_is_none_is_told(stream_host: str, serve: Serve) -> None:
    with pytest.raises(SourceError, match=r"127.0.0.1: expected a stream of RTSP, got 'rtsp://"):
        streams_of(serve(stream_host=stream_host))


def test_a_device_that_is_not_there_is_told(serve: Serve) -> None:
    device = serve()
    url = device.url
    device.server_close()
    with pytest.raises(SourceError, match=r"127.0.0.1: Connection (refused|reset by peer)"):
        list(Device(url, LOGIN, PATIENCE_S).streams())


@pytest.mark.parametrize("trickles", [False, True])
def test_a_device_that_does_not_answer_is_given_up(trickles: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while not over.wait(0.05):
                    try:
                        connection.sendall(b"H" if trickles else b"")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        device = Device(f"http://127.0.0.1:{server.getsockname()[1]}/", None, 0.4)
        with pytest.raises(SourceError, match=r"127.0.0.1: no answer within 0.4 s"):
            list(device.streams())
        over.set()
        thread.join()


def test_the_service_of_a_host_is_where_all_have_it() -> None:
    assert service_at("10.0.0.7:8080") == "http://10.0.0.7:8080/onvif/device_service"
    assert service_at("https://10.0.0.7/x") == "https://10.0.0.7/x"
