"""Print a line's detections, or its events.

    python -m pipeline.client tcp://127.0.0.1:5570
    python -m pipeline.client tcp://127.0.0.1:5570 --camera street --json
    python -m pipeline.client tcp://127.0.0.1:5570 --events
    python -m pipeline.client tcp://board:5570 --server-key line.key --key office.key_secret

Where nothing comes, standard error says why after three seconds, and the command goes on waiting.
It also says how many events are missing, where this command or what it prints to was too slow.

Exit codes: 0 messages came, up to --timeout or Ctrl-C; 1 the address, a key file or a message is
not as it must be; 2 a wrong option; 3 --timeout has passed, and nothing has come at all.
"""

import argparse
import errno
import sys
from collections.abc import Sequence

import msgspec
import zmq

from .messages import Message, format_message
from .shown_text import json_line, one_line
from .subscriber import DetectionSubscriber, EventSubscriber, Subscriber

EXIT_OK, EXIT_REFUSED, EXIT_NOTHING = 0, 1, 3
_PATIENCE_S = 3.0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m pipeline.client",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("endpoint", help="e.g. tcp://127.0.0.1:5570")
    parser.add_argument("--camera", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--events", action="store_true", help="what happens, from now on")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--timeout", type=float, metavar="S", help="stop after so much silence")
    parser.add_argument("--server-key", metavar="FILE", help="the line's public key")
    parser.add_argument("--key", metavar="FILE", help="this client's secret key")
    return parser


class Said:
    """Prints on standard error, and nothing twice in a row."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, text: str) -> None:
        if text != self._last:
            self._last = text
            print(one_line(text), file=sys.stderr, flush=True)


def show(subscriber: Subscriber[Message], said: Said, *, as_json: bool) -> bool:
    """Print messages up to a silence; returns whether there were any."""
    came, lost = False, 0
    for message in subscriber:
        before, lost = lost, subscriber.lost_events
        if lost > before:
            said(f"{message.camera}: {lost - before} events are missing here, {lost} so far")
        if as_json:
            print(json_line(msgspec.json.encode(message).decode()), flush=True)
        else:
            print(one_line(format_message(message)), flush=True)
        came = True
    return came


def subscribe(options: argparse.Namespace, said: Said) -> DetectionSubscriber | EventSubscriber:
    kind = EventSubscriber if options.events else DetectionSubscriber
    return kind(
        options.endpoint, options.camera, status=not options.events, timeout_s=options.timeout,
        server_key=options.server_key, key=options.key,
        patience_s=_PATIENCE_S, on_trouble=said,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    said = Said()
    try:
        with subscribe(options, said) as subscriber:
            if show(subscriber, said, as_json=options.json):
                return EXIT_OK
            what = "no event" if options.events else "nothing"
            said(subscriber.trouble or f"{options.endpoint}: sent {what}")
            return EXIT_NOTHING
    except zmq.ZMQError as error:
        is_no_address = error.errno in (errno.EINVAL, errno.EPROTONOSUPPORT)
        why = "expected tcp://HOST:PORT or ipc://PATH" if is_no_address else error
        said(f"{options.endpoint.rpartition('@')[2]}: {why}")
        return EXIT_REFUSED
    except ValueError as error:  # of a key file, a message, a camera's name
        said(str(error))
        return EXIT_REFUSED
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
