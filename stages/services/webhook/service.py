"""The service `webhook`: events as HTTP requests, each to every target that wants it."""

import queue
import threading
import time
from pathlib import Path
from typing import NamedTuple

from pipeline.service import ServiceContext
from stages.services.outbox.item import Limits
from stages.services.outbox.outbox import Outbox
from stages.services.webhook.delivery import Reply, post
from stages.services.webhook.options import WebhookOptions, make_destination
from stages.services.webhook.target import Request, Target

_TICK_S = 0.1
_LOOK_S = 1.0
_DRAIN_S = 0.3  # for the last events, when the line stops
_MIB = 1 << 20
_S_PER_HOUR = 3600.0


class Webhook:
    """One thread reads events and owns the outboxes; each target has one that sends.

    So a target that does not answer delays no other, and an event is on disk before it is sent.
    """

    Options = WebhookOptions

    def __init__(self, options: WebhookOptions, context: ServiceContext) -> None:
        self._context = context
        self._replies: queue.SimpleQueue[_Settled] = queue.SimpleQueue()
        limits = Limits(options.outbox_mib * _MIB, options.outbox_hours * _S_PER_HOUR)
        self._targets: dict[str, Target] = {}
        self._senders: dict[str, _Sender] = {}
        for name, target in options.targets.items():
            destination = make_destination(f"webhook.targets.{name}", target)
            outbox = Outbox(Path(options.outbox) / f"{name}.outbox", limits, "webhook.outbox")
            self._targets[name] = Target(name, target, destination, outbox)
            self._senders[name] = _Sender(name, self._targets[name], self._replies)

    def run(self) -> None:
        for sender in self._senders.values():
            sender.start()
        look_s = 0.0
        while self._context.is_running():
            self._read()
            self._send()
            if time.monotonic() >= look_s:
                look_s = time.monotonic() + _LOOK_S
                for target in self._targets.values():
                    target.look()
        end_s = time.monotonic() + _DRAIN_S
        while time.monotonic() < end_s:
            self._read()
            self._send()

    def close(self) -> None:
        for target in self._targets.values():
            target.close()

    def _read(self) -> None:
        """Keep what is new for each target."""
        for event in self._context.events.read():
            for target in self._targets.values():
                target.put(event, self._context.frames)

    def _send(self) -> None:
        """Give each idle sender its next request, and wait a moment for replies."""
        for name, target in self._targets.items():
            request = target.take()
            if request is not None:
                self._senders[name].send(request)
        try:
            settled = self._replies.get(timeout=_TICK_S)
        except queue.Empty:
            return
        self._targets[settled.name].settle(settled.reply)


class _Settled(NamedTuple):
    """What a sender tells."""

    name: str
    reply: Reply


class _Sender(threading.Thread):
    """Sends one request after the other; it blocks for as long as one takes."""

    def __init__(self, name: str, target: Target, replies: "queue.SimpleQueue[_Settled]") -> None:
        super().__init__(name=f"webhook {name}", daemon=True)
        self._target_name = name
        self._destination, self._timeout_s = target.destination, target.timeout_s
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._replies = replies

    def send(self, request: Request) -> None:
        self._requests.put(request)

    def run(self) -> None:
        while True:
            body, headers = self._requests.get()
            reply = post(
                self._destination.address, body, headers, self._timeout_s, self._destination.tls
            )
            self._replies.put(_Settled(self._target_name, reply))
