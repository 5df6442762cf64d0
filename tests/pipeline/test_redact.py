import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.redact import redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://admin:S3cret@cam/1", "rtsp://***@cam/1"),
        ("cannot open rtsp://u:p@h:554/s?x=1#f: no", "cannot open rtsp://***@h:554/s?x=1#f: no"),
        ("rtsp://user@cam/1", "rtsp://***@cam/1"),  # a name alone is a credential too
        ("rtsp://u:p@ss@w0rd@cam/1", "rtsp://***@cam/1"),  # an @ that is not escaped
        ("http://cam/v?token=abc&n=1", "http://cam/v?token=***&n=1"),
        ("http://cam/v?n=1&api_key=abc", "http://cam/v?n=1&api_key=***"),
        ("http://cam/v?PASSWORD=abc", "http://cam/v?PASSWORD=***"),
        ("a rtsp://u:p@x/ b http://u:p@y/ c", "a rtsp://***@x/ b http://***@y/ c"),  # two
        ("rtsp+tls://u:p@cam", "rtsp+tls://***@cam"),
        ("http://cam/snap?auth=a#token=b", "http://cam/snap?auth=***#token=b"),
    ],
)
def test_credentials_are_taken_out(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    ["rtsp://cam:554/1", "mail me@home.org", "clip.mp4", "tcp://127.0.0.1:5570", "x?y=z", ""],
)
def test_the_rest_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


plain = st.text(st.characters(exclude_characters="/?#", exclude_categories=["Z", "C"]), min_size=8)


@given(plain, plain)
def test_no_password_in_an_address_comes_through(user: str, password: str) -> None:
    text = f"rtsp://{user}:{password}@camera.example/stream: failed"
    assert redact(text) == "rtsp://***@camera.example/stream: failed"


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)
