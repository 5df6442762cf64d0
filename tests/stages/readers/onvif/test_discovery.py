"""Devices that answer to a question to all, on the loopback interface."""

import socket

import pytest

from stages.readers.onvif.discovery import Found, discover, parse_answer
from tests.stages.readers.onvif.server import LOOPBACK, Answering, match

SCOPES = (
    "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/ACME%20Eye "
    "onvif://www.onvif.org/hardware/E-7 onvif://www.onvif.org/location/"
)


def loopback() -> list[int]:
    return [socket.if_nametoindex(LOOPBACK)]


def test_each_device_is_found_once_with_its_name() -> None:
    answers = (
        match("http://127.0.0.1:81/onvif/device_service", SCOPES),
        match("http://127.0.0.1:82/onvif/device_service"),
        b"\xff no XML",
    )
    with Answering(*answers, port=0) as answering:
        found = list(discover(1.5, answering.port, loopback()))
    assert [each._replace(host="") for each in found] == [
        Found("", ("http://127.0.0.1:81/onvif/device_service",), "ACME Eye E-7"),
        Found("", ("http://127.0.0.1:82/onvif/device_service",), ""),
    ]
    types = [probe.partition(b"Types>t:")[2].partition(b"<")[0] for probe in answering.probes]
    assert types == [b"NetworkVideoTransmitter", b"Device"] * 3, "UDP may lose a question"


def test_nobody_answers_and_the_wait_ends() -> None:
    with Answering(port=0) as answering:
        assert list(discover(0.1, answering.port, loopback())) == []


def test_an_interface_that_is_none_is_told() -> None:
    with pytest.raises(OSError, match="no interface with IPv4"):
        list(discover(0.1, 1, [9999]))


def test_the_address_where_the_device_is_goes_first() -> None:
    answer = match("http://169.254.3.4/d http://10.0.0.7/d https://10.0.0.7/d ftp://x/ http://[/")
    (found,) = parse_answer(answer, "10.0.0.7")
    assert found.services == ("http://10.0.0.7/d", "https://10.0.0.7/d", "http://169.254.3.4/d")


@pytest.mark.parametrize(
    "answer",
    [b"", b"<a/>", match(""), match("urn:x"), b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ids=["nothing", "XML", "no address", "another one", "entities"],
)
def test_what_is_no_answer_is_left_out(answer: bytes) -> None:
    assert list(parse_answer(answer, "10.0.0.7")) == []


def test_a_name_is_one_line_of_text() -> None:
    scopes = "onvif://www.onvif.org/name/a%0A- uri: evil%1b[31m onvif://www.onvif.org/hardware/E"
    (found,) = parse_answer(match("http://10.0.0.7/", scopes), "10.0.0.7")
    assert found.name == "E"
