"""Messages of SOAP, of devices that write them in their own ways."""

import base64
from datetime import UTC, datetime

import pytest

from stages.readers.onvif.messages import (
    Fault,
    Login,
    NoMessage,
    find_text,
    make_request,
    parse_message,
)

# The example of ONVIF's Application Programmer's Guide, 6.1.1.3.
NONCE, CREATED, SECRET = "LKqI6G/AikKCQrN0zqZFlg==", "2010-09-16T07:50:45Z", "userpassword"
DIGEST = "tuOSpGlFlIXsozq4HFNeeGeFLEI="


def test_a_request_is_signed_as_the_guide_of_onvif_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda _: base64.b64decode(NONCE))
    created = datetime.strptime(CREATED, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    request = make_request("<a/>", Login("user", SECRET), created).decode()
    assert f">{DIGEST}<" in request
    assert f">{CREATED}<" in request
    assert SECRET not in request


def test_the_body_is_found_whatever_the_prefixes() -> None:
    for before, after in (("e:", ":e"), ("", ""), ("SOAP-ENV:", ":SOAP-ENV")):
        message = (
            f'<{before}Envelope xmlns{after}="urn:soap"><{before}Body><A xmlns="urn:a"><B> b\n c'
            f"\x7f</B></A></{before}Body></{before}Envelope>"
        )
        assert find_text(parse_message(message.encode()), "B") == "b c"


def test_a_fault_of_either_version_is_told() -> None:
    old = (
        "<E><Body><Fault><faultcode>a:b</faultcode><faultstring>no</faultstring></Fault></Body></E>"
    )
    with pytest.raises(Fault, match=r"^no$") as refused:
        parse_message(old.encode())
    assert not refused.value.is_denied
    new = (
        b"<E><Body><Fault><Code><Value>s:Sender</Value><Subcode><Value>ter:NotAuthorized</Value>"
        b"</Subcode></Code></Fault></Body></E>"
    )
    with pytest.raises(Fault, match="without a reason") as denied:
        parse_message(new)
    assert denied.value.is_denied


@pytest.mark.parametrize("message", [b"", b"<a>", b"<E><Body/></E>", b'<?xml encoding="x"?><a/>'])
def test_what_is_no_message_is_told(message: bytes) -> None:
    with pytest.raises(NoMessage):
        parse_message(message)
