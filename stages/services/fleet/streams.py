"""Makes the streams of a fleet: of one server alone, of a site's leaf, or of the hub.

    python -m stages.services.fleet.streams alone
    python -m stages.services.fleet.streams leaf hall --server nats://leaf.hall.lan --user admin
    python -m stages.services.fleet.streams hub hall yard --days 90 --gb 200 --user admin

A stream that is there with other limits is left alone and reported, unless `--update` is given.
`hub --watch` stays, and sees to it that the hub reads its sites soon after it was restarted; it
connects again by itself.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nats.aio.client import Client

from pipeline.client.shown_text import one_line
from stages.services.fleet.arguments import above_zero, fleet_name
from stages.services.fleet.operator import (
    NOT_FOUND,
    ApiError,
    OperatorError,
    add_server_options,
    ask,
    connected,
    lasting,
    run_command,
)
from stages.services.fleet.sources import SourceWatch
from stages.services.fleet.subjects import (
    CONFIG,
    EVENTS,
    STATES,
    config_of,
    events_of,
    states_of,
)

HUB = "hub"  # the domain of the hub
_NS_PER_S = 1_000_000_000
_DAY_S = 86_400
# How long a stream knows the ids of messages, in which a double is left out: 100 bytes each.
_DUPLICATES_S = 3600
_LOOK_S = 1.0  # between two looks at the sources
_NO_ROOM = 10047  # JetStream's code for limits that are beyond those of the server
_HISTORY = 10  # revisions of a configuration that the hub keeps
_MOST_CONFIG = 1 << 20  # bytes of one


class Limits(NamedTuple):
    """Of the stream of events; of states there is one for each subject."""

    days: float
    gb: float


ALONE_LIMITS, LEAF_LIMITS, HUB_LIMITS = Limits(90, 4), Limits(14, 4), Limits(90, 200)
_USUAL = {"alone": ALONE_LIMITS, "leaf": LEAF_LIMITS, "hub": HUB_LIMITS}

Config = Mapping[str, Any]  # as JetStream writes that of a stream

_BATCHES: Config = {"allow_atomic": True}  # boards send many events at once: all or none


def alone_streams(limits: Limits) -> list[Config]:
    """All in one server."""
    return [{**_events(limits, events_of("*")), **_BATCHES}, _states(states_of("*")), _bucket()]


def leaf_streams(site: str, limits: Limits) -> list[Config]:
    """Of a site; configurations come from the hub."""
    mirror = {
        "name": CONFIG,
        "external": _external(HUB),
        "subject_transforms": [{"src": config_of(site), "dest": ""}],
    }
    return [
        {**_events(limits, events_of(site)), **_BATCHES},
        _states(states_of(site)),
        {"name": CONFIG, "storage": "file", "allow_direct": True, "max_msgs_per_subject": 1,
         "mirror": mirror},
    ]  # fmt: skip


def hub_streams(sites: Sequence[str], limits: Limits) -> list[Config]:
    """What all sites have, from their leaves; their domains are called as they are."""

    def sources(name: str) -> list[Config]:
        return [{"name": name, "external": _external(site)} for site in sites]

    return [
        {**_events(limits, []), "sources": sources(EVENTS)},
        {**_states([]), "sources": sources(STATES)},
        _bucket(),
    ]


def _events(limits: Limits, subjects: Sequence[str]) -> Config:
    return {
        "name": EVENTS, "subjects": subjects, "storage": "file", "discard": "old",
        "max_age": int(limits.days * _DAY_S * _NS_PER_S), "max_bytes": int(limits.gb * 1e9),
        "duplicate_window": _DUPLICATES_S * _NS_PER_S, "allow_direct": True,
    }  # fmt: skip


def _states(subjects: Sequence[str]) -> Config:
    return {
        "name": STATES, "subjects": subjects, "storage": "file", "discard": "old",
        "max_msgs_per_subject": 1, "allow_direct": True,
    }  # fmt: skip


def _bucket() -> Config:
    """As JetStream's clients expect that of a key-value bucket."""
    return {
        "name": CONFIG, "subjects": [f"{config_of('*').rpartition('.*')[0]}.>"], "storage": "file",
        "discard": "new", "max_msgs_per_subject": _HISTORY, "max_msg_size": _MOST_CONFIG,
        "allow_rollup_hdrs": True, "deny_delete": True, "allow_direct": True,
    }  # fmt: skip


def _external(domain: str) -> Config:
    return {"api": f"$JS.{domain}.API", "deliver": ""}


async def make_stream(client: Client, wanted: Config, *, update: bool = False) -> str:
    """Returns what was done.

    Raises:
        OperatorError: it is there with other limits, and is to be left alone.
    """
    name = wanted["name"]
    try:
        found = (await ask(client, f"STREAM.INFO.{name}"))["config"]
    except ApiError as error:
        if error.code != NOT_FOUND:
            raise
        await _create(client, wanted)
        return f"{name}: made"
    different = list(_differences(wanted, found))
    if not different:
        return f"{name}: is there"
    if not update:
        raise OperatorError(
            f"stream {name}: {'; '.join(different)}: it is left alone; --update changes it"
        )
    await ask(client, f"STREAM.UPDATE.{name}", {**found, **wanted})
    return f"{name}: changed: {'; '.join(different)}"


async def _create(client: Client, wanted: Config) -> None:
    """Raises OperatorError."""
    try:
        await ask(client, f"STREAM.CREATE.{wanted['name']}", wanted)
    except ApiError as error:
        if error.code != _NO_ROOM:
            raise
        raise OperatorError(
            f"stream {wanted['name']}: the server has no {wanted.get('max_bytes', 0) / 1e9:g} GB "
            "left for it: expected less with --gb, or a larger max_file_store of the server"
        ) from None


def _differences(wanted: Config, found: Config) -> Iterator[str]:
    for key, value in wanted.items():
        there = found.get(key) or type(value)()
        if isinstance(value, Mapping):
            yield from _differences(value, there)
        elif key == "sources":
            names = [sorted(each["external"]["api"] for each in many) for many in (value, there)]
            if names[0] != names[1]:
                yield f"sources: expected {_list(names[0])}, got {_list(names[1])}"
        elif key != "subject_transforms" and there != value:
            yield f"{key}: expected {_show(key, value)}, got {_show(key, there)}"
        elif key == "subject_transforms" and [t["src"] for t in there] != [t["src"] for t in value]:
            yield f"{key}: expected {_list(t['src'] for t in value)}"


def _show(key: str, value: Any) -> str:
    if key in ("max_age", "duplicate_window"):
        return f"{value / _NS_PER_S:g} s"
    return _list(value) if isinstance(value, list) else str(value)


def _list(names: Any) -> str:
    return ", ".join(names) or "none"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.services.fleet.streams",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("where", choices=["alone", "leaf", "hub"])
    parser.add_argument(
        "sites", nargs="*", type=fleet_name, help="one for a leaf, all of them for the hub"
    )
    parser.add_argument("--days", type=above_zero, help="for how long events are kept")
    parser.add_argument("--gb", type=above_zero, help="how much of them")
    parser.add_argument("--update", action="store_true", help="change streams that are there")
    parser.add_argument("--watch", action="store_true", help="stay, and wake sources that sleep")
    add_server_options(parser)
    return parser


def plan(options: argparse.Namespace) -> list[Config]:
    """The streams that are wanted. Raises OperatorError."""
    usual = _USUAL[options.where]
    limits = Limits(options.days or usual.days, options.gb or usual.gb)
    counts = {"alone": len(options.sites) == 0, "leaf": len(options.sites) == 1}
    if not counts.get(options.where, bool(options.sites)):
        expected = {"alone": "no site", "leaf": "one site", "hub": "the names of all sites"}
        raise OperatorError(f"{options.where}: expected {expected[options.where]}")
    if options.where == "alone":
        return alone_streams(limits)
    if options.where == "leaf":
        return leaf_streams(options.sites[0], limits)
    return hub_streams(options.sites, limits)


async def work(options: argparse.Namespace) -> int:
    wanted = plan(options)
    async with connected(options) as client:
        for config in wanted:
            print(await make_stream(client, config, update=options.update), flush=True)
    if options.watch:
        watch = SourceWatch()
        await lasting(lambda begun: _watch(options, watch, begun), was_served=True)
    return 0


async def _watch(
    options: argparse.Namespace, watch: SourceWatch, begun: Callable[[], None]
) -> None:
    """Until the connection ends. Raises OperatorError."""
    async with connected(options) as client:
        while True:
            woken = await watch.look(client)
            begun()
            for line in woken:
                print(one_line(line), flush=True)
            await asyncio.sleep(_LOOK_S)


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
