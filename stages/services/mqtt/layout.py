"""What the broker and Home Assistant were told of, so that what is gone can be taken back."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from stages.services.mqtt import discovery
from stages.services.mqtt.publication import Publication


class Layout(msgspec.Struct, frozen=True):
    """Discovery topics with the platforms of their entities, by key; and all retained topics."""

    devices: dict[str, dict[str, str]] = {}
    topics: frozenset[str] = frozenset()


def layout_of(devices: Mapping[str, discovery.Device], topics: Iterable[str]) -> Layout:
    platforms = {
        topic: {key: component["p"] for key, component in device["cmps"].items()}
        for topic, device in devices.items()
    }
    return Layout(platforms, frozenset(topics))


def decode(note: bytes | None) -> Layout:
    """What an earlier process has kept; empty if that cannot be read."""
    if note is None:
        return Layout()
    try:
        return msgspec.json.decode(note, type=Layout)
    except msgspec.DecodeError:
        return Layout()


def encode(layout: Layout) -> bytes:
    return msgspec.json.encode(layout)


def both(before: Layout, now: Layout) -> Layout:
    """All that may be told of while one takes the place of the other.

    An entity that is another platform now is named as it was: as that, it must be taken back.
    """
    topics = before.devices.keys() | now.devices.keys()
    devices = {
        topic: now.devices.get(topic, {}) | before.devices.get(topic, {}) for topic in topics
    }
    return Layout(devices, before.topics | now.topics)


def introduce(
    devices: Mapping[str, discovery.Device], now: Layout, before: Layout, qos: int
) -> Iterator[Publication]:
    """Take back what was told before and is no more, then tell of what there is.

    An entity is taken away by a message that names nothing but its platform; only then may the
    device leave it out.
    """
    for topic in sorted(before.devices.keys() - now.devices.keys()):
        yield Publication(topic, b"", qos)
    for topic in sorted(before.topics - now.topics):
        yield Publication(topic, b"", qos)
    for topic, device in devices.items():
        known, there = before.devices.get(topic, {}), now.devices[topic]
        removed = {key: known[key] for key in known if there.get(key) != known[key]}
        if removed:
            yield Publication(topic, discovery.encode(discovery.without(device, removed)), qos)
        yield Publication(topic, discovery.encode(device), qos)
