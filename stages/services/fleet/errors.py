"""What goes wrong between a board and its server, in words that name no password."""

import ssl

import nats.errors

_SILENT = {
    "authorization violation": "the server refuses user and password",
    "user authentication expired": "the login has expired",
    "maximum connections exceeded": "the server has no room for another connection",
}


class LinkError(Exception):
    """The text says in plain words what is wrong; nothing is known of what was on its way."""


class NotTaken(LinkError):
    """The server works, and has not taken a message: it may later."""


class TooLarge(LinkError):
    """The server will never take this message."""


class Forbidden(LinkError):
    """The user of this board may not do this, until somebody changes that."""


def describe(error: Exception, before: str = "") -> str:
    """In words that name no password; `before` is what was heard on the connection last."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'no reason given'}"
    if isinstance(error, ConnectionResetError):
        return "the server has ended the connection"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    text = str(error).removeprefix("nats: ").strip("'")
    if isinstance(error, nats.errors.NoServersError) and before:
        return before
    return _SILENT.get(text.lower(), text or type(error).__name__)


def is_refusal(error: Exception) -> bool:
    return "authorization violation" in str(error).lower()
