"""What is sent to a target: body, headers and signature."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

JSON = "application/json"
_MOST_KEY = 200


class Body(NamedTuple):
    """Of one request; it is the same however often it is sent."""

    content_type: str
    data: bytes


def json_body(structure: Any) -> Body:
    return Body(JSON, msgspec.json.encode(structure))


def form_body(fields: Mapping[str, Any], picture_name: str, jpeg: bytes | None) -> Body:
    """multipart/form-data (RFC 7578): each key of a structure is a field, and the picture a file.

    What is no text is a field of JSON.
    """
    boundary = secrets.token_hex(16)
    parts = []
    for name, value in fields.items():
        if isinstance(value, str):
            parts.append(_part(boundary, f'name="{_quote(name)}"', "", value.encode()))
        else:
            data = msgspec.json.encode(value)
            parts.append(_part(boundary, f'name="{_quote(name)}"', JSON, data))
    if jpeg is not None:
        where = f'name="{_quote(picture_name)}"; filename="picture.jpg"'
        parts.append(_part(boundary, where, "image/jpeg", jpeg))
    parts.append(f"--{boundary}--\r\n".encode())
    return Body(f"multipart/form-data; boundary={boundary}", b"".join(parts))


def sign(key: bytes, id: str, unix_s: int, data: bytes) -> str:
    """The header `webhook-signature` of Standard Webhooks: HMAC-SHA256 of id, time and body."""
    digest = hmac.new(key, f"{id}.{unix_s}.".encode() + data, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers_of(id: str, body: Body, unix_s: int, key: bytes | None) -> dict[str, str]:
    """Those that every request has. The time is of the try: receivers refuse old ones."""
    headers = {
        "Content-Type": body.content_type,
        "webhook-id": id,
        "webhook-timestamp": str(unix_s),
    }
    if key is not None:
        headers["webhook-signature"] = sign(key, id, unix_s, body.data)
    return headers


def _part(boundary: str, where: str, content_type: str, data: bytes) -> bytes:
    kind = f"Content-Type: {content_type}\r\n" if content_type else ""
    head = f"--{boundary}\r\nContent-Disposition: form-data; {where}\r\n{kind}\r\n"
    return head.encode() + data + b"\r\n"


def _quote(name: str) -> str:
    """As browsers write names of fields."""
    return name[:_MOST_KEY].replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
