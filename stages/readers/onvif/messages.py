"""SOAP messages as ONVIF devices write and take them.

Devices differ in the prefixes and even in the versions of name spaces, so elements are found by
their local names. Sources: SOAP 1.2, WS-Security UsernameToken Profile 1.1, ONVIF Core
Specification 5.12.1.
"""

import base64
import hashlib
import os
from datetime import datetime
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

_MOST_TEXT = 300  # characters of a reason
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    "<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_SECURITY = (
    f'<w:Security s:mustUnderstand="1" xmlns:w="{_WSS}wssecurity-secext-1.0.xsd"'
    f' xmlns:u="{_WSS}wssecurity-utility-1.0.xsd"><w:UsernameToken>'
    "<w:Username>{user}</w:Username>"
    f'<w:Password Type="{_WSS.replace("wss-", "wss-username-token-profile-1.0")}#PasswordDigest">'
    "{digest}</w:Password>"
    f'<w:Nonce EncodingType="{_WSS}soap-message-security-1.0#Base64Binary">{{nonce}}</w:Nonce>'
    "<u:Created>{created}</u:Created></w:UsernameToken></w:Security>"
)


class Login(NamedTuple):
    """User name and password of a camera."""

    user: str
    password: str


class NoMessage(Exception):
    """What came is no SOAP message."""


class Fault(Exception):
    """The device has refused a request; the text is its reason, as it may be shown."""

    def __init__(self, codes: tuple[str, ...], reason: str) -> None:
        super().__init__(reason)
        self.is_denied = "NotAuthorized" in codes or "FailedAuthentication" in codes


def make_request(body: str, login: Login | None = None, created: datetime | None = None) -> bytes:
    """A request with this body.

    Args:
        body: XML.
        login: signs the request, without showing the password.
        created: when, by the clock of the device: it refuses what seems old or not begun.
    """
    header = "" if login is None or created is None else _sign(login, created, os.urandom(16))
    return _ENVELOPE.format(header=header, body=body).encode()


def parse_message(message: bytes) -> Element:
    """What the body of a message holds.

    Raises:
        NoMessage: it is no SOAP, or has a document type, which SOAP forbids.
        Fault: the device has refused the request.
    """
    if b"<!DOCTYPE" in message:
        raise NoMessage("a message with a document type")
    try:
        envelope = ElementTree.fromstring(message)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # an unknown encoding
        raise NoMessage(f"no XML: {error}") from None
    body = find(envelope, "Body")
    if body is None or len(body) == 0:
        raise NoMessage("no body of SOAP")
    content = body[0]
    if local_name(content) == "Fault":
        codes = (text_of(each) for each in content.iter() if local_name(each) == "Value")
        reasons = ("Text", "faultstring")  # of SOAP 1.2 and 1.1
        reason = next((text_of(each) for each in content.iter() if local_name(each) in reasons), "")
        raise Fault(tuple(code.rpartition(":")[2] for code in codes), reason or "without a reason")
    return content


def find(element: Element, *path: str) -> Element | None:
    """The first element below, by local names from one generation to the next."""
    for name in path:
        found = next((child for child in element if local_name(child) == name), None)
        if found is None:
            return None
        element = found
    return element


def find_all(element: Element, name: str) -> list[Element]:
    """All elements of this local name, in any generation."""
    return [each for each in element.iter() if local_name(each) == name]


def find_text(element: Element, *path: str) -> str:
    """The text of the element there; nothing where there is none."""
    found = find(element, *path)
    return "" if found is None else text_of(found)


def text_of(element: Element) -> str:
    """One line of printable characters: a device may send anything."""
    words = "".join(letter if letter.isprintable() else " " for letter in element.text or "")
    return " ".join(words.split())[:_MOST_TEXT]


def local_name(element: Element) -> str:
    tag: str = element.tag
    return tag.rpartition("}")[2]


def _sign(login: Login, created: datetime, nonce: bytes) -> str:
    moment = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = nonce + moment.encode() + login.password.encode(errors="surrogateescape")
    digest = hashlib.sha1(signed, usedforsecurity=False).digest()
    return _SECURITY.format(
        user=escape(login.user),
        digest=base64.b64encode(digest).decode(),
        nonce=base64.b64encode(nonce).decode(),
        created=moment,
    )
