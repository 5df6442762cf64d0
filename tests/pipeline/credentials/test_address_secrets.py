import base64

import pytest

from pipeline.credentials.address_secrets import secrets_of


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("rtsp://admin:S3cr/etXYZ@cam:1/s", {"S3cr/etXYZ", "S3cr", "etXYZ"}),
        ("rtsp://admin:S3cr etXYZ@cam:1/s", {"S3cr etXYZ", "S3cr", "etXYZ"}),
        ("rtsp://admin:S3cr%40etXYZ@cam/s", {"S3cr%40etXYZ", "S3cr@etXYZ", "S3cr", "etXYZ"}),
        ("rtsp//admin:S3cret@cam/x", {"S3cret"}),
        ("http:admin:S3cret@cam/x", {"S3cret"}),
        ("admin:S3cret@cam/x", {"S3cret"}),
        ("rtsp://admin:S3cret", {"S3cret"}),
        ("rtsp://AbCd1234EfGh@cam/x", {"AbCd1234EfGh"}),  # a token in the place of a name
        ("http://cam/v?loginuse=admin&loginpas=S3cretXYZ", {"S3cretXYZ"}),
        ("http://cam/v?pwd=S3cr et&ch=1", {"S3cr et", "S3cr"}),
        ("rtsp://cam/user=admin_password=S3_cret_channel=1", {"S3_cret", "cret"}),
        ("rtsp://cam/0/admin:S3cret/main", {"S3cret"}),
    ],
)
def test_a_secret_is_known_whole_decoded_and_in_pieces(address: str, secrets: set[str]) -> None:
    assert secrets <= secrets_of(address)


def test_the_header_that_http_makes_of_it_is_known() -> None:
    header = base64.b64encode(b"admin:S3cret").decode().rstrip("=")
    assert header in secrets_of("http://admin:S3cret@cam/x")


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://cam:554/1",
        "rtsp://admin@cam/1",  # a word like this may stand in any sentence
        "clip@2x.mp4",
        "/dev/video0",
        "0",
        "scene://street?seed=1&people=12345",
        "tcp://127.0.0.1:5570",
        "*:5580",
        ":5580",  # a port of all addresses
        "file:///videos/12:30.mp4",
    ],
)
def test_an_address_without_a_secret_has_none(address: str) -> None:
    assert secrets_of(address) == frozenset()
