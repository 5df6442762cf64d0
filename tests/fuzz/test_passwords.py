"""Addresses that no parser likes: their passwords come out of no text."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.redact import forget, learn, redact

STRANGE = "@:/?#&=% '\"\\\n\t+[]{}<>|^`~!$*();,._-"
FORMS = [
    "rtsp://admin:{}@127.0.0.1:554/s",
    "rtsp://admin:{}@[fe80::1]:554/s",
    "rtsp://admin:{}@gate.example",
    "rtsp://:{}@gate/s",
    "RTSP://admin:{}@gate/s",
    "rtsp//admin:{}@gate/s",
    "rtsp:/admin:{}@gate/s",
    "rstp://admin:{}@gate/s",
    "http:admin:{}@gate/s",
    "://admin:{}@gate/s",
    "//admin:{}@gate/s",
    "admin:{}@gate/s",
    "admin:{}@127.0.0.1",
    "http://gate/v?loginuse=admin&loginpas={}",
    "http://gate/v?cmd=Snap&user=a&psw={}&channel=1",
    "http://gate/v?token={}",
    "http://gate/v?n=1&api_key={}&m=2",
    "rtsp://gate/user=admin_password={}_channel=1_stream=0.sdp",
    "rtsp://gate/user=admin&password={}&channel=1.sdp",
]
SAYINGS = [
    "{}",
    "cannot open {}: Connection refused",
    "[Errno 2] No such file or directory: '{}'",
    "first http://u:p@x/y, then {}, then me@home.org",
    "Failed to resolve hostname {}: Name or service not known",
    "configuration: sources[0].uri: expected a name, got {}",
]

secrets = st.text(
    st.sampled_from(STRANGE) | st.characters(codec="utf-8", exclude_categories=["Cc"]),
    min_size=4, max_size=24,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _know_nothing() -> Iterator[None]:
    yield
    forget()


def quotations(address: str, secret: str) -> list[str]:
    """What programs write of an address: in their notation, decoded, or cut where they stumble."""
    cut = [part for part in re.split(r"[@:/?#&% '\"\\]", address) if part]
    return [
        address, repr(address), json.dumps(address), quote(address), quote(address, safe=""),
        unquote(address), secret, unquote(secret), " ".join(address.split()), *cut,
    ]  # fmt: skip


def gives_away(said: str, secret: str) -> str | None:
    """The part of a secret that a text holds: the whole, or one of its longer words."""
    words = [word for word in re.split(r"[\W_]+", secret) if len(word) >= 4]
    for part in (secret, *words):
        if re.search(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", said):
            return part
    return None


@given(st.sampled_from(FORMS), secrets, st.data())
def test_a_secret_of_a_known_address_is_in_no_text(
    form: str, secret: str, data: st.DataObject
) -> None:
    assume(len(secret.strip()) >= 4)
    assume(not re.search(r"[&;,#][\w.-]+=|_[A-Za-z]+=", secret))  # that ends a value
    address = form.replace("{}", secret)
    forget()
    learn(address)
    quotation = data.draw(st.sampled_from(quotations(address, secret)))
    said = redact(data.draw(st.sampled_from(SAYINGS)).replace("{}", quotation))
    assert gives_away(said, secret) is None


@given(st.sampled_from(FORMS), st.sampled_from(SAYINGS), st.data())
def test_a_secret_of_an_unknown_address_is_hidden_too(
    form: str, saying: str, data: st.DataObject
) -> None:
    """Without knowledge, a space ends an address that parses up to it."""
    strange = "".join(set(STRANGE) - set(" \n\t'\"&=;,#_"))
    letters = st.sampled_from(strange) | st.characters(codec="ascii", categories=["L", "N"])
    secret = "Q" + data.draw(st.text(letters, min_size=4, max_size=24)) + "Q7"
    assume("://" not in secret and not secret.endswith(":Q7"))
    said = redact(saying.replace("{}", form.replace("{}", secret)))
    assert gives_away(said, secret) is None


@given(st.sampled_from(FORMS), st.text(STRANGE + "ab1", max_size=200))
def test_any_text_is_redacted_without_an_error(form: str, text: str) -> None:
    forget()
    learn(text)
    learn(form.replace("{}", text))
    assert isinstance(redact(text), str)
