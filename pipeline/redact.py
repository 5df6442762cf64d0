"""Credentials in URLs never reach a log, a message or a page."""

import re

_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s?#]*@")
_SECRET_QUERY = re.compile(
    r"(?P<key>[?&](?:[\w-]*(?:pass|passwd|password|pwd|token|secret|key|auth))=)[^&\s#]*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text with user names, passwords and tokens of every URL in it replaced by `***`."""
    text = _USERINFO.sub(r"\g<scheme>***@", text)
    return _SECRET_QUERY.sub(r"\g<key>***", text)
