"""Wakes the sources of the hub's streams.

A hub that was restarted asks a leaf for its messages before the leaf has connected again, hears
nothing, and asks again after 40 seconds (nats-server 2.15). A source that is taken out of a stream
and put in again asks at once, from the message after the last that the stream has of it.
"""

from typing import Any

from nats.aio.client import Client

from stages.services.fleet.operator import OperatorError, ask
from stages.services.fleet.subjects import EVENTS, STATES

_ASLEEP_NS = 12_000_000_000  # a source that is awake gives a sign of life every five seconds


async def watch_sources(client: Client) -> list[str]:
    """Wake the sources that sleep although their leaf answers; returns which they were."""
    woken = []
    for stream in (EVENTS, STATES):
        found = await ask(client, f"STREAM.INFO.{stream}")
        asleep = [each for each in found.get("sources", ()) if _is_asleep(each)]
        ready = [api for each in asleep if await _answers(client, api := _api(each), stream)]
        if ready:
            await _put_in_again(client, found["config"], ready)
            woken += [f"{stream}: {api}: woken" for api in ready]
    return woken


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
