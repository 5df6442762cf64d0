"""Wakes the sources of the hub's streams.

A hub that was restarted asks a leaf for its messages before the leaf has connected again, hears
nothing, and asks again after 40 seconds (nats-server 2.15). A source that is taken out of a stream
and put in again asks at once, from the message after the last that the stream has of it.
"""

import asyncio
import time
from typing import Any

from nats.aio.client import Client

from stages.services.fleet.operator import OperatorError, ask
from stages.services.fleet.subjects import EVENTS, STATES

_AGAIN_S = 15.0  # a source that was woken has so long to be heard
_ASLEEP_NS = 12_000_000_000  # a source that is awake gives a sign of life every five seconds


class SourceWatch:
    """Remembers whom it has woken: somebody who is woken again and again never gets up."""

    def __init__(self) -> None:
        self._woken_s: dict[tuple[str, str], float] = {}

    async def look(self, client: Client) -> list[str]:
        """Wake the sources that sleep although their leaf answers; returns which they were."""
        woken = []
        for stream in (EVENTS, STATES):
            found = await ask(client, f"STREAM.INFO.{stream}")
            asleep = [_api(each) for each in found.get("sources", ()) if _is_asleep(each)]
            # All at once: sites may be far away, and one update of the stream does for all.
            answers = await asyncio.gather(*(self._is_ready(client, stream, api) for api in asleep))
            ready = [api for api, is_ready in zip(asleep, answers, strict=True) if is_ready]
            if ready:
                await _put_in_again(client, found["config"], ready)
                woken += [f"{stream}: {api}: woken" for api in ready]
        return woken

    async def _is_ready(self, client: Client, stream: str, api: str) -> bool:
        now_s = time.monotonic()
        if now_s < self._woken_s.get((stream, api), float("-inf")) + _AGAIN_S:
            return False
        if not await _answers(client, api, stream):
            return False
        self._woken_s[stream, api] = now_s
        return True


def _is_asleep(source: dict[str, Any]) -> bool:
    """`active` is the time since it was heard, or negative if it never was."""
    active: int = source.get("active", -1)
    return active < 0 or active > _ASLEEP_NS


def _api(source: dict[str, Any]) -> str:
    return str(source["external"]["api"])


async def _answers(client: Client, api: str, stream: str) -> bool:
    try:
        await ask(client, f"{api}.STREAM.INFO.{stream}")
    except (OperatorError, TimeoutError):
        return False
    return True


async def _put_in_again(client: Client, config: dict[str, Any], apis: list[str]) -> None:
    name = config["name"]
    others = [each for each in config["sources"] if _api(each) not in apis]
    await ask(client, f"STREAM.UPDATE.{name}", {**config, "sources": others})
    await ask(client, f"STREAM.UPDATE.{name}", config)
