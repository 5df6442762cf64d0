import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.credentials.patterns import hide_credentials


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://admin:S3cret@cam/1", "rtsp://***@cam/1"),
        ("cannot open rtsp://u:p@h:554/s?x=1#f: no", "cannot open rtsp://***@h:554/s?x=1#f: no"),
        ("rtsp://user@cam/1", "rtsp://***@cam/1"),  # a name alone is a credential too
        ("rtsp://u:p@ss@w0rd@cam/1", "rtsp://***@cam/1"),  # an @ that is not escaped
        ("a rtsp://u:p@x/ b http://u:p@y/ c", "a rtsp://***@x/ b http://***@y/ c"),  # two
        ("rtsp+tls://u:p@cam", "rtsp+tls://***@cam"),
        ("rtsp://u:p@[fe80::1%eth0]:554/s", "rtsp://***@[fe80::1%eth0]:554/s"),
        ("http://cam/video?stok=S3cret", "http://cam/video?stok=***"),
        ("http://cam/video?tkn=S3cret&w=1", "http://cam/video?tkn=***&w=1"),
        ("http://cam/video?SessionId=S3cret", "http://cam/video?SessionId=***"),
        ("http://proxy/?url=rtsp://u:p@cam/1", "http://proxy/?url=rtsp://***@cam/1"),
        ("src=rtsp%3A%2F%2Fu%3Ap%40cam&x=1", "src=rtsp%3A%2F%2F***%40cam&x=1"),
    ],
)
def test_the_credentials_of_an_address_are_taken_out(text: str, clean: str) -> None:
    assert hide_credentials(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://admin:S3cr/et@cam:1/s", "rtsp://***@cam:1/s"),
        ("rtsp://admin:S3cr#et@cam:1/s", "rtsp://***@cam:1/s"),
        ("rtsp://admin:S3cr?et@cam:1/s", "rtsp://***@cam:1/s"),
        ("rtsp://admin:S3cr et@cam:1/s: no", "rtsp://***@cam:1/s: no"),
        ("rtsp://admin:S3cr\net@cam:1/s", "rtsp://***@cam:1/s"),
        ("rtsp://admin:12/34@cam/s", "rtsp://***@cam/s"),  # 12 may be a port
        ("rtsp://admin:12 34@cam/s", "rtsp://***@cam/s"),
        ("rtsp://admin:S3cret", "rtsp://***"),  # no port either
        ("rtsp://S3c/ret@127.0.0.1/s", "rtsp://***@127.0.0.1/s"),
        ("rtsp//admin:S3cret@cam/x", "rtsp//***@cam/x"),
        ("rtsp:/admin:S3cret@cam/x", "rtsp:/***@cam/x"),
        ("http:admin:S3cret@cam/x", "http:***@cam/x"),
        ("rtsp:\\\\admin:S3cret@cam/x", "rtsp:\\\\***@cam/x"),
        ("//admin:S3cret@cam/x", "//***@cam/x"),
        ("admin:S3cret@cam:1/x", "***@cam:1/x"),
        ("et@127.0.0.1:1/s: no such file", "***@127.0.0.1:1/s: no such file"),  # half an address
    ],
)
def test_an_address_that_does_not_parse_loses_all_that_may_be_secret(text: str, clean: str) -> None:
    assert hide_credentials(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("http://cam/v?token=abc&n=1", "http://cam/v?token=***&n=1"),
        ("http://cam/v?n=1&api_key=abc", "http://cam/v?n=1&api_key=***"),
        ("http://cam/v?PASSWORD=abc", "http://cam/v?PASSWORD=***"),
        ("http://cam/snap?auth=a#token=b", "http://cam/snap?auth=***#token=***"),
        ("http://cam/v?loginuse=a&loginpas=b: 404", "http://cam/v?loginuse=***&loginpas=***: 404"),
        ("http://cam/v?usr=a&pwd=b", "http://cam/v?usr=***&pwd=***"),
        ("http://cam/v?user=a&psw=b", "http://cam/v?user=***&psw=***"),
        ("http://cam/v?X-Amz-Signature=b", "http://cam/v?X-Amz-Signature=***"),
        ("http://cam/v?pwd=S3cr&et&ch=1", "http://cam/v?pwd=***&ch=1"),
        ("http://cam/v?pwd=S3/cr#e?t@x&ch=1", "http://cam/v?pwd=***&ch=1"),
        ("rtsp://cam/user=a_password=S3_c_channel=1", "rtsp://cam/user=***_password=***_channel=1"),
        ("rtsp://cam/user=a&password=b&channel=1", "rtsp://cam/user=***&password=***&channel=1"),
        ("rtsp://cam/0/admin:S3cret/main", "rtsp://cam/0/***/main"),
        ("rtsps://cam:7441/Ab3dEf6hIj9lMnOp?srtp: no", "rtsps://cam:7441/***?srtp: no"),
        ("{'password': 'S3c ret', 'n': 1}", "{'password': ***, 'n': 1}"),
        ('Authorization: Digest username="a", response="b"', "Authorization: ***"),
        ("sent Basic YWRtaW46UzNjcmV0 twice", "sent Basic *** twice"),
    ],
)
def test_credentials_that_have_a_name_are_taken_out(text: str, clean: str) -> None:
    assert hide_credentials(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://cam:554/1",
        "'rtsp://cam/1': no route to host",
        "rtsp://[fe80::1]:554/x",
        "http://cam/clip@2x.mp4",
        "rtsp://cam: failed, mail me@home.org",
        "tcp://127.0.0.1:5570",
        "tcp://*:5570",
        "ipc:///tmp/a@b/pub",
        "file:///mail/me@home/clip.mp4",
        "scene://street?seed=1&fps=5",
        "expected mqtt.broker with mqtts://, got mqtt://host:1883",
        "one that begins with 'rtsp://'",
        "mail me@home.org",
        "me@home.org.mp4",
        "/videos/me@home/clip.mp4",
        "clip@2x.mp4",
        "clip.mp4",
        "file:z.mp4",
        "12:30.mp4",
        "C:\\clips\\a@b.mp4",
        "C:/clips/a@b.mp4",
        "x?y=z",
        "--set: expected key=value, got 'x'",
        "user name or password refused (401 Unauthorized)",
        "Basic authentication is refused",
        "12:00:00.123 INFO    run              core 0: capture.cam0, publish",
        "",
    ],
)
def test_the_rest_stays_as_it_is(text: str) -> None:
    assert hide_credentials(text) == text


plain = st.text(st.characters(exclude_characters="/?#", exclude_categories=["Z", "C"]), min_size=8)


@given(plain, plain)
def test_no_password_in_an_address_comes_through(user: str, password: str) -> None:
    text = f"rtsp://{user}:{password}@camera.example/stream: failed"
    assert hide_credentials(text) == "rtsp://***@camera.example/stream: failed"


@given(st.text() | st.text("@:/?#=&_ %40a1.*'\"[]", max_size=40))
def test_hiding_twice_changes_nothing_more(text: str) -> None:
    once = hide_credentials(text)
    assert hide_credentials(once) == once
