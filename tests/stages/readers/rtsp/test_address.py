import pytest

from pipeline.source import SourceError
from stages.readers.rtsp.address import parse_address, redirected


@pytest.mark.parametrize(
    ("uri", "host", "port", "url", "account"),
    [
        ("rtsp://cam/live", "cam", 554, "rtsp://cam/live", ("", "")),
        ("RTSPS://cam", "cam", 322, "rtsps://cam", ("", "")),
        ("rtsp://cam:8554", "cam", 8554, "rtsp://cam:8554", ("", "")),
        ("rtsp://cam:/x", "cam", 554, "rtsp://cam:/x", ("", "")),
        ("rtsp://[fe80::1%25eth0]:8/x", "fe80::1%eth0", 8, "rtsp://[fe80::1%25eth0]:8/x", ("", "")),
        ("rtsp://a:b@cam/x", "cam", 554, "rtsp://cam/x", ("a", "b")),
        ("rtsp://a:p%40s%2Fs@cam/x", "cam", 554, "rtsp://cam/x", ("a", "p@s/s")),
        ("rtsp://a:p@s:s@cam/x", "cam", 554, "rtsp://cam/x", ("a", "p@s:s")),
        ("rtsp://a:p/s?s#@cam/x", "cam", 554, "rtsp://cam/x", ("a", "p/s?s#")),
        ("rtsp://a:50%@cam/x", "cam", 554, "rtsp://cam/x", ("a", "50%")),
        ("rtsp://a@cam/x", "cam", 554, "rtsp://cam/x", ("a", "")),
        ("rtsp://cam/a b\r\nX: ü", "cam", 554, "rtsp://cam/a%20b%0D%0AX:%20%C3%BC", ("", "")),
        ("rtsp://cam/x?u=1&v=2", "cam", 554, "rtsp://cam/x?u=1&v=2", ("", "")),
    ],
)
def test_an_address_is_taken_apart(
    uri: str, host: str, port: int, url: str, account: tuple[str, str]
) -> None:
    address = parse_address(uri)
    assert (address.host, address.port, address.url) == (host, port, url)
    assert (address.user, address.password) == account
    assert not address.password or address.password not in address.shown


@pytest.mark.parametrize(
    "uri",
    ["http://a:S3cret@cam/", "rtsp://", "rtsp://a:S3cret@", "rtsp://a:S3cret@cam:99999/x",
     "rtsp://a:S3cret@cam:x/", "rtsp://a:S3cret@[::1/x", "rtsp://a:S3cret@:554/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_its_password(uri: str) -> None:
    with pytest.raises(SourceError, match="expected rtsp") as refused:
        parse_address(uri)
    assert "S3cret" not in str(refused.value)


def test_a_redirection_keeps_the_account_unless_it_has_one() -> None:
    here = parse_address("rtsp://a:b@cam:8554/x")
    assert redirected(here, "/y").url == "rtsp://cam:8554/y"
    assert redirected(here, "rtsp://other/y")[5:] == ("a", "b")
    assert redirected(here, "rtsp://c:d@other/y")[5:] == ("c", "d")


def test_a_password_that_stands_in_the_path_too_is_not_shown() -> None:
    address = parse_address("rtsp://admin:S3%63ret@cam/user=admin_password=S3cret_x/S3%63ret")
    assert address.shown == "rtsp://***@cam/user=***_password=***"
    assert address.url == "rtsp://cam/user=admin_password=S3cret_x/S3%63ret"
