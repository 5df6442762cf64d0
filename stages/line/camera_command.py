"""The cameras of this machine and of its networks, as configuration: `run_pipeline.py cameras`."""

import argparse
import getpass
import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import yaml

from pipeline import log
from pipeline.errors import LineError
from pipeline.log import say, say_error
from pipeline.redact import learn_secrets
from pipeline.source import SourceError
from stages.readers.onvif.device import Device, Profile, service_at
from stages.readers.onvif.discovery import discover
from stages.readers.onvif.messages import Login
from stages.readers.v4l2.camera_list import describe_cameras

EXIT_OK, EXIT_NONE, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 130

HELP = """Cameras as configuration that can be pasted.

    python run_pipeline.py cameras                                       of this machine
    python run_pipeline.py cameras --onvif --user admin                  of its networks
    python run_pipeline.py cameras --onvif --host 192.168.1.20 --user admin --password-file gate

With --onvif, every network of this machine is asked (WS-Discovery) which cameras it has, and each
of these for its streams. The password is asked for, unless an option tells where it is; it is never
sent as it is, and never printed: the configuration refers to it.

Exit codes: 0 some were found; 1 none was; 2 an option is not as it must be.
"""
DEFAULT_VARIABLE = "CAMERA_PASSWORD"
_WAIT_S = 4.0  # for cameras that answer
_PATIENCE_S = 5.0  # for each answer of one
_AT_ONCE = 8
_BEST_PIXELS = 1280 * 720  # the network sees less; larger streams cost a core each
_NAME_CHARACTERS = 64


class Secret(NamedTuple):
    """A login, and what stands for its password in a configuration."""

    login: Login
    reference: str


def list_cameras(arguments: Sequence[str]) -> int:
    """The exit code of `run_pipeline.py cameras` with these arguments."""
    options = _parse(arguments)
    log.configure("INFO", "cameras")
    try:
        if not options.onvif:
            rows = list(describe_cameras())
            say("\n".join(rows))
            return EXIT_NONE if all(row.startswith("#") for row in rows) else EXIT_OK
        secret = _read_secret(options)
        named = [(service, "") for service in options.host]
        return _list_network(named or _discover(options.wait, options.interface), secret)
    except LineError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        say_error("interrupted")
        return EXIT_INTERRUPTED


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run_pipeline.py cameras", description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--onvif", action="store_true", help="cameras of the network")
    parser.add_argument("--host", action="append", default=[], type=_service, metavar="HOST[:PORT]",
                        help="ask this one instead of all; repeatable")  # fmt: skip
    parser.add_argument("--interface", action="append", metavar="NAME",
                        help="ask on this one instead of all; repeatable")  # fmt: skip
    parser.add_argument("--user", metavar="NAME", help="of all these cameras")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--password-env", metavar="NAME", help="variable that holds the password")
    where.add_argument("--password-file", type=Path, metavar="FILE", help="file that holds it")
    parser.add_argument("--wait", type=float, default=_WAIT_S, metavar="S", help="for answers")
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = make_parser()
    options = parser.parse_args(arguments)
    others = any((options.host, options.interface, options.user, options.password_env,
                  options.password_file))  # fmt: skip
    if others and not options.onvif:
        parser.error("expected --onvif where an option of network cameras is given")
    if not 0 < options.wait <= 60:
        parser.error(f"--wait: expected 0 to 60 seconds, got {options.wait:g}")
    if options.user is None and (options.password_env or options.password_file):
        parser.error("expected --user where a password is given")
    return options


def _service(text: str) -> str:
    """The address of the device service of a `--host`."""
    if "@" in text:
        raise argparse.ArgumentTypeError("expected --user instead of a user name before the host")
    service = service_at(text)
    try:
        parts = urlsplit(service)
        is_address = bool(parts.hostname) and parts.port != 0 and text.isprintable()
    except ValueError:
        is_address = False
    is_name = "://" in text or not set(text) & set("/?#")
    if not is_address or not is_name or " " in text or parts.scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(
            "expected HOST, HOST:PORT or an address of http, an IPv6 address in brackets, "
            f"got {text!r}"
        )
    return service


def _read_secret(options: argparse.Namespace) -> Secret | None:
    """Raises LineError."""
    if options.user is None:
        return None
    reference = f"${{{options.password_env or DEFAULT_VARIABLE}}}"
    if options.password_file is not None:
        path = options.password_file.absolute()
        reference = f"${{file:{path}}}"
        try:
            password = path.read_text().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "expected UTF-8"
            raise LineError(f"--password-file {path}: {reason}") from None
    elif options.password_env is not None:
        password = os.environ.get(options.password_env, "")
        if not password:
            raise LineError(f"--password-env: no variable {options.password_env} in the "
                            "environment, or an empty one")  # fmt: skip
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password of {options.user}: ")
    else:
        raise LineError("expected --password-env or --password-file where nobody can be asked")
    learn_secrets([password])
    return Secret(Login(options.user, password), reference)


def _discover(wait_s: float, interfaces: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """The address of each device's service, and its name. Raises LineError."""
    known = set[str]()
    try:
        numbers = None if interfaces is None else [*map(_number_of, interfaces)]
        for found in discover(wait_s, interfaces=numbers):
            service = found.services[0]
            if service not in known:
                known.add(service)
                yield service, found.name
    except OSError as error:
        raise LineError(f"the network cannot be asked: {error.strerror or error}") from None


def _number_of(interface: str) -> int:
    """Raises LineError."""
    try:
        return socket.if_nametoindex(interface)
    except (OSError, ValueError):
        raise LineError(f"--interface {interface!r}: no such network interface") from None


def _list_network(
    devices: Iterator[tuple[str, str]] | list[tuple[str, str]], secret: Secret | None
) -> int:
    """Print what they have, and what is wrong with those that have nothing."""
    names = list[str]()
    asked = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asking = [
            (service, name, pool.submit(_streams_of, service, secret)) for service, name in devices
        ]
        for service, name, streams in asking:
            asked += 1
            try:
                text = _describe(service, name, streams.result(), secret, names)
            except SourceError as error:
                say_error(f"error: {error}")
                continue
            _write(("" if len(names) > 1 else "sources:\n") + text)
    if not asked:
        say_error("error: no camera has answered; --host asks one that is in another network, or "
                  "behind a firewall")  # fmt: skip
    return EXIT_OK if names else EXIT_NONE


def _streams_of(service: str, secret: Secret | None) -> list[Profile]:
    device = Device(service, secret.login if secret else None, _PATIENCE_S)
    streams = list(device.streams())
    if not streams:
        raise SourceError(f"{device.host}: has no stream")
    return streams


def _describe(
    service: str, name: str, streams: Sequence[Profile], secret: Secret | None, names: list[str]
) -> str:
    """A source with one of the streams, and the others as comments. Its name joins the others."""
    host = Device(service, None, _PATIENCE_S).host
    names.append(_unused(name or f"camera-{host}", names))
    best = min(streams, key=_distance)
    rows = [f"  # {name or 'a camera'} at {host}: {_what(best)}"]
    rows.append(f"  - uri: {_quoted(_with_login(best.uri, secret))}")
    rows.append(f"    name: {names[-1]}")
    for stream in streams:
        if stream != best:
            uri = _quoted(_with_login(stream.uri, secret))
            rows.append(f"    # uri: {uri}  # {_what(stream)}")
    return "\n".join(rows) + "\n"


def _what(stream: Profile) -> str:
    width, height = stream.size_wh
    size = f" {width}x{height}" if width and height else ""
    rate = f", {stream.fps:g} fps" if stream.fps else ""
    return f"{stream.name or 'a stream'}: {stream.codec or 'video'}{size}{rate}"


def _distance(stream: Profile) -> int:
    """How far its size is from the best."""
    width, height = stream.size_wh
    return abs(width * height - _BEST_PIXELS)


def _with_login(uri: str, secret: Secret | None) -> str:
    if secret is None:
        return uri
    scheme, separator, rest = uri.partition("://")
    user = quote(secret.login.user, safe="", errors="surrogateescape")
    return f"{scheme}{separator}{user}:{secret.reference}@{rest.replace('${', '$${')}"


def _quoted(text: str) -> str:
    """The text as one value of YAML on one line."""
    return yaml.safe_dump(text, width=10_000, allow_unicode=True).partition("\n")[0]


def _unused(name: str, names: Sequence[str]) -> str:
    """A name for a camera that no other has."""
    word = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-").lower()[: _NAME_CHARACTERS - 4]
    word = word or "camera"
    number = 1
    while (candidate := word if number == 1 else f"{word}-{number}") in names:
        number += 1
    return candidate


def _write(text: str) -> None:
    """References stand where a password would: they would be hidden."""
    sys.stdout.write(text)
    sys.stdout.flush()
