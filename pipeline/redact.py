"""Removes credentials from URLs, so that they never reach a log, a message or a page."""

import re

_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s?#]*@")
_SECRET_QUERY = re.compile(
    r"(?P<key>[?&](?:[\w-]*(?:pass|passwd|password|pwd|token|secret|key|auth))=)[^&\s#]*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text, in which `***` replaces the user name, password and token of every URL."""
    text = _USERINFO.sub(r"\g<scheme>***@", text)
    return _SECRET_QUERY.sub(r"\g<key>***", text)
