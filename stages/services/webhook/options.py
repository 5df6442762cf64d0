"""What a target is told: docs/configuration.md explains each key."""

import re
import ssl
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from pipeline.client import EventMessage
from pipeline.service import ServiceError
from stages.services.trust import trust
from stages.services.webhook.delivery import Address, parse_url
from stages.services.webhook.secrets import parse_key, read_file, read_secret
from stages.services.webhook.template import TemplateError, check_template
from stages.services.webhook.values import NAMES

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_TEXT = re.compile(r"[\x20-\x7e]{0,8000}")
_OURS = ("content-type", "content-length", "host", "transfer-encoding",
         "webhook-id", "webhook-timestamp", "webhook-signature")  # fmt: skip


class TargetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One target."""

    url: str | None
    url_file: str | None
    url_env: str | None
    secret_file: str | None
    secret_env: str | None
    headers: dict[str, str]
    header_files: dict[str, str]
    ca_file: str | None
    template: dict[str, Any] | None
    form: Literal["json", "multipart"]
    picture_px: int | None
    picture_field: str
    cameras: tuple[str, ...]
    kinds: tuple[str, ...]
    regions: tuple[str, ...]
    labels: tuple[str, ...]
    timeout_s: float

    def wants(self, event: EventMessage) -> bool:
        """Whether the event passes all filters; an empty one lets all pass."""
        pairs = (
            (self.cameras, event.camera), (self.kinds, event.kind),
            (self.regions, event.region), (self.labels, event.label),
        )  # fmt: skip
        return all(not wanted or found in wanted for wanted, found in pairs)


class WebhookOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`outbox` is a folder: each target has a file in it."""

    outbox: str
    outbox_mib: int
    outbox_hours: float
    targets: dict[str, TargetOptions]


class Destination(NamedTuple):
    """Where and how a target is asked; nothing of it but the host is ever told."""

    address: Address
    headers: Mapping[str, str]
    key: bytes | None
    tls: ssl.SSLContext | None


def make_destination(where: str, options: TargetOptions) -> Destination:
    """Reads the files of a target. Raises ServiceError, with a text that holds no secret."""
    url = read_secret(f"{where}.url", options.url, options.url_file, options.url_env)
    assert url is not None  # the configuration asks for one
    try:
        address = parse_url(url)
    except ValueError as error:
        raise ServiceError(f"{where}.url: {error}") from None
    secret = read_secret(f"{where}.secret", None, options.secret_file, options.secret_env)
    key = None if secret is None else parse_key(f"{where}.secret", secret)
    headers = dict(options.headers)
    for name, path in options.header_files.items():
        headers[name] = read_file(f"{where}.header_files.{name}", path)
    for name, text in headers.items():
        _check_header(where, name, text)
    try:
        tls = trust(options.ca_file) if address.encrypted else None
    except OSError as error:  # ssl.SSLError is one
        raise ServiceError(
            f"{where}.ca_file: expected certificates in PEM, got {options.ca_file}: "
            f"{error.strerror or error}"
        ) from None
    return Destination(address, headers, key, tls)


def check_target(
    where: str, options: TargetOptions, cameras: Collection[str], labels: Collection[str]
) -> None:
    """Refuse what could never be sent. Raises ServiceError."""
    make_destination(where, options)
    _check_names(f"{where}.cameras", options.cameras, cameras)
    _check_names(f"{where}.labels", options.labels, labels)
    try:
        check_template(options.template, NAMES)
    except TemplateError as error:
        raise ServiceError(f"{where}.template: {error}") from None


def _check_names(where: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise ServiceError(
                f"{where}: expected some of {', '.join(sorted(known))}, got '{name}'"
            )


def _check_header(where: str, name: str, text: str) -> None:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
        raise ServiceError(
            f"{where}.headers: expected names of headers other than {', '.join(_OURS)}, "
            f"got {name[:100]!r}"
        )
    if not _HEADER_TEXT.fullmatch(text):
        raise ServiceError(f"{where}.headers.{name}: expected printable ASCII")
