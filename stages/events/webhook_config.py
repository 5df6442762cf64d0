"""Webhooks, as they are written in the configuration: where events are sent, and in which shape."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pipeline.client.messages import EventKind
from stages.events.record_config import FilePath, PlainText

TargetName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the configuration; unknown keys are refused."""


class WebhookTargetConfig(_Section, frozen=True):
    """An address that events are sent to; one of the keys that begin with `url` is required."""

    url: PlainText | None = None  # https://...
    url_file: FilePath | None = None  # file that holds it
    url_env: str | None = None  # variable of the environment that holds it
    secret_file: FilePath | None = None  # file with the key of the signature, in base64
    secret_env: str | None = None
    headers: dict[str, PlainText] = {}
    header_files: dict[str, FilePath] = {}  # files that hold the values of headers
    ca_file: FilePath | None = None  # PEM: trust these certificates instead of the system's
    template: dict[str, Any] | None = None  # the body, with {placeholders}; the event without it
    form: Literal["json", "multipart"] = "json"
    picture_px: Annotated[int, Meta(ge=16, le=4096)] | None = None  # width of a picture with it
    picture_field: Annotated[str, Meta(min_length=1)] = "picture"  # of the form
    cameras: tuple[str, ...] = ()  # only of these; all when empty, as are the next three
    kinds: tuple[EventKind, ...] = ()
    regions: tuple[str, ...] = ()  # zones and lines
    labels: tuple[str, ...] = ()
    timeout_s: Annotated[float, Meta(ge=0.1, le=120.0)] = 10.0

    def __post_init__(self) -> None:
        given = [self.url, self.url_file, self.url_env]
        if sum(value is not None for value in given) != 1:
            raise ValueError("expected one of url, url_file and url_env")
        if self.secret_file is not None and self.secret_env is not None:
            raise ValueError("expected secret_file or secret_env, got both")


class WebhookConfig(_Section, frozen=True):
    """Where events are sent by HTTP, and where they wait until they are taken."""

    targets: Annotated[dict[TargetName, WebhookTargetConfig], Meta(min_length=1, max_length=32)]
    outbox: FilePath = "~/.local/state/thunderline/webhook"  # folder: a file for each target
    outbox_mib: Annotated[int, Meta(ge=1, le=4096)] = 16  # of each
    outbox_hours: Annotated[float, Meta(gt=0.0, le=8760.0)] = 24.0  # what is older is given up
