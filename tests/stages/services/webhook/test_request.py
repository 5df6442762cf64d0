"""Bodies and signatures, as independent readers understand them."""

import base64
import json
import time
from email import message_from_bytes

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from stages.services.webhook.request import form_body, headers_of, json_body

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def test_a_receiver_that_knows_the_key_verifies_the_signature() -> None:
    body = json_body({"text": "Fußgänger", "score": 0.5})
    headers = headers_of("board/k3/gate/7", body, int(time.time()), KEY)
    assert Webhook(SECRET).verify(body.data, headers) == {"text": "Fußgänger", "score": 0.5}


@pytest.mark.parametrize("what", ["body", "id", "old", "key"])
def test_what_was_changed_is_not_verified(what: str) -> None:
    body = json_body({"score": 0.5})
    age_s = 3600 if what == "old" else 0
    key = bytes(32) if what == "key" else KEY
    headers = headers_of("board/k3/gate/7", body, int(time.time()) - age_s, key)
    if what == "id":
        headers["webhook-id"] = "board/k3/gate/8"
    data = body.data.replace(b"5", b"6") if what == "body" else body.data
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(data, headers)


def test_without_a_key_there_is_no_signature() -> None:
    headers = headers_of("id", json_body({}), 1, None)
    assert headers == {
        "Content-Type": "application/json", "webhook-id": "id", "webhook-timestamp": "1"
    }  # fmt: skip


def test_a_form_has_its_fields_and_the_picture() -> None:
    jpeg = b"\xff\xd8\r\n--not a boundary\r\n\xff\xd9"
    fields = {"caption": "a car", "payload_json": {"content": "x"}, 'odd"\r\nname': "y"}
    kind, data = form_body(fields, "photo", jpeg)
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    parts = [part for part in message.walk() if not part.is_multipart()]
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["caption", "payload_json", "odd%22%0D%0Aname", "photo"]
    assert parts[0].get_payload(decode=True) == b"a car"
    assert parts[1].get_content_type() == "application/json"
    assert json.loads(str(parts[1].get_payload())) == {"content": "x"}
    assert parts[3].get_filename() == "picture.jpg"
    assert parts[3].get_content_type() == "image/jpeg"
    assert jpeg in data


def test_a_form_without_a_picture_has_its_fields() -> None:
    assert b"picture.jpg" not in form_body({"a": "b"}, "photo", None).data
