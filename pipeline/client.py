"""Receive a line's detections. Copy this file into your program: it needs pyzmq and msgspec only.

    python -m pipeline.client tcp://127.0.0.1:5570
    python -m pipeline.client tcp://127.0.0.1:5570 --camera street --json
    python -m pipeline.client tcp://board:5570 --server-key line.key --key office.key_secret

In a program:

    with DetectionSubscriber("tcp://127.0.0.1:5570", cameras=["street"]) as subscriber:
        for message in subscriber:
            print(message.camera, message.frame_id, message.age_ms, message.detections)
"""

import argparse
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import zmq

WIRE_VERSION = 1
_MAX_MESSAGE_BYTES = 1 << 20  # a thousand detections take a tenth of it
_KEY_FILE_BYTES = 4096


class Detection(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object; `box` is (x1, y1, x2, y2) in pixels of the source frame."""

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]
    track_id: int | None = None


class ModelInfo(msgspec.Struct, frozen=True):
    """The model file that the detections are from."""

    name: str
    sha256: str


class DetectionMessage(msgspec.Struct, frozen=True, tag="detections"):
    """Everything the line says about one frame; see docs/wire_format.md for each field."""

    v: int
    host: str
    camera: str
    epoch: int
    frame_id: int
    seq: int
    pts_ns: int
    captured_mono_ns: int
    captured_unix_ns: int
    stage_ns: dict[str, int]
    age_ms: float
    width: int
    height: int
    drops: dict[str, int]
    model: ModelInfo
    status: Literal["ok", "skipped", "error"]
    detections: tuple[Detection, ...]
    why: str = ""
    pts_from: Literal["stream", "arrival", "rate"] = "stream"
    sar: tuple[int, int] = (1, 1)
    orientation: int = 1


class StatusMessage(msgspec.Struct, frozen=True, tag="status"):
    """What a camera is doing, since when (UNIX time) and why."""

    v: int
    host: str
    camera: str
    state: Literal["connecting", "live", "stalled", "lost", "ended"]
    since_unix_ns: int
    why: str = ""


Message = DetectionMessage | StatusMessage


class WireError(ValueError):
    """Bytes that are not a message of this protocol version."""


_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def decode_message(data: bytes) -> Message:
    """Parse one message, topic included.

    Raises:
        WireError: for anything else.
    """
    topic, _, payload = data.partition(b" ")
    try:
        message = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"topic {topic[:40]!r}: expected a detection or status: {error}") from None
    if message.v != WIRE_VERSION:
        raise WireError(f"topic {topic[:40]!r}: expected version {WIRE_VERSION}, got {message.v}")
    return message


class KeyFileError(ValueError):
    """A file that does not hold a key in the right form."""


def read_public_key(path: str | Path) -> bytes:
    """The public key in a file made by `python -m pipeline.keys`."""
    return _read_key(path, "public-key")


def read_secret_key(path: str | Path) -> tuple[bytes, bytes]:
    """The (public, secret) keys in a file that only its owner may read."""
    secret = _read_key(path, "secret-key")
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(
            f"{path}: expected a file that only its owner may read, got mode {mode:04o}; "
            f"run: chmod 600 {path}"
        )
    return zmq.curve_public(secret), secret


def _read_key(path: str | Path, kind: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            text = file.read(_KEY_FILE_BYTES)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    found = re.search(rf'^\s*{kind}\s*=\s*"([!-~]{{40}})"\s*$'.encode(), text, re.M)
    try:
        zmq.curve_public(found[1] if found else b"")  # accepts 32 bytes in Z85
    except (ValueError, zmq.ZMQError):
        raise KeyFileError(f"{path}: expected a {kind} made by python -m pipeline.keys") from None
    assert found is not None, "no key can be made of nothing"
    return found[1]


class DetectionSubscriber:
    """Iterates over the messages of a line; the last message of each topic comes first.

    Args:
        endpoint: where the line publishes, e.g. tcp://192.168.1.20:5570.
        cameras: names to receive; all when empty.
        status: receive the cameras' status messages too.
        timeout_s: end after a silence of so many seconds; None waits without end.
        server_key: file of the line's public key, if it encrypts; with another key nothing arrives.
        key: file of this client's secret key, if the line lets in known clients only.
    """

    def __init__(
        self,
        endpoint: str,
        cameras: Sequence[str] = (),
        *,
        status: bool = True,
        timeout_s: float | None = None,
        server_key: str | Path | None = None,
        key: str | Path | None = None,
    ) -> None:
        keys = _curve_keys(server_key, key)
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IPV6, int("[" in endpoint))  # tcp://[::1]:5570
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE_BYTES)
        for option, value in keys.items():
            self._socket.setsockopt(option, value)
        self._timeout_ms = None if timeout_s is None else int(timeout_s * 1000)
        for kind in ("det", "status") if status else ("det",):
            for topic in [f"{kind}.{camera} " for camera in cameras] or [f"{kind}."]:
                self._socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        self._socket.connect(endpoint)

    def receive(self) -> Message | None:
        """The next message, or None when `timeout_s` has passed without one."""
        if not self._socket.poll(self._timeout_ms):
            return None
        return decode_message(self._socket.recv())

    def __iter__(self) -> Iterator[Message]:
        while (message := self.receive()) is not None:
            yield message

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "DetectionSubscriber":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _curve_keys(server_key: str | Path | None, key: str | Path | None) -> dict[int, bytes]:
    """Socket options. A client without a key of its own makes one for this connection."""
    if server_key is None:
        if key is not None:
            raise KeyFileError(f"{key}: a key is of use only with that of the line (server_key)")
        return {}
    public, secret = zmq.curve_keypair() if key is None else read_secret_key(key)
    return {
        zmq.CURVE_SERVERKEY: read_public_key(server_key),
        zmq.CURVE_PUBLICKEY: public,
        zmq.CURVE_SECRETKEY: secret,
    }


def format_message(message: Message) -> str:
    """One line for people."""
    if isinstance(message, StatusMessage):
        return f"{message.camera}: {message.state} {message.why}".rstrip()
    found = ", ".join(f"{d.label} {d.score:.2f}" for d in message.detections) or "nothing"
    dropped = f", {sum(message.drops.values())} dropped" if message.drops else ""
    head = f"{message.camera} #{message.frame_id} age {message.age_ms:.1f} ms{dropped}"
    return f"{head}: {found if message.status == 'ok' else message.status + ' ' + message.why}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m pipeline.client", description="Print detections.")
    parser.add_argument("endpoint", help="e.g. tcp://127.0.0.1:5570")
    parser.add_argument("--camera", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--timeout", type=float, metavar="S", help="stop after so much silence")
    parser.add_argument("--server-key", metavar="FILE", help="the line's public key")
    parser.add_argument("--key", metavar="FILE", help="this client's secret key")
    options = parser.parse_args(arguments)
    try:
        with DetectionSubscriber(
            options.endpoint, options.camera, timeout_s=options.timeout,
            server_key=options.server_key, key=options.key,
        ) as subscriber:  # fmt: skip
            for message in subscriber:
                line = msgspec.json.encode(message).decode() if options.json else None
                print(line or format_message(message), flush=True)
    except KeyFileError as error:
        print(error, file=sys.stderr)
        return 1
    except (zmq.ZMQError, WireError) as error:
        print(f"{options.endpoint}: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
