"""How Home Assistant finds the line: one device for it and one for each camera.

The rules are those of its device discovery: one message a device, with all of its entities. It
refuses a whole device for one key that it does not know beside `cmps`, in `dev` or in `o`.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from stages.services.mqtt.identity import Identity
from stages.services.mqtt.plan import CameraPlan
from stages.services.mqtt.topics import CameraTopics, Topics, slugs

Device = dict[str, Any]

_MAKER = "ThunderLine"
_LIVE = "{{ 'online' if value_json.state == 'live' else 'offline' }}"
_CONNECTED = "{{ 'ON' if value_json.state == 'live' else 'OFF' }}"
_OCCUPIED = "{{ 'ON' if value | int(0) > 0 else 'OFF' }}"
_SWITCHES = {"detect": "Detection", "record": "Recording"}
_ICONS = {"detect": "mdi:motion-sensor", "record": "mdi:record-rec"}
# Of an event, what an automation asks for; the rest would fill the database of Home Assistant.
_EVENT_FIELDS = ("event_type", "id", "label", "track_id", "score", "count", "inside", "seconds")
_EVENT = (
    "{% set wanted = " + repr(list(_EVENT_FIELDS)) + " %}"
    "{{ dict(value_json.items() | selectattr(0, 'in', wanted)) | tojson }}"
)


class Discovery:
    """The messages by which Home Assistant knows the line and its cameras.

    Args:
        prefix: of Home Assistant's discovery topics.
        qos: that Home Assistant asks the broker for.
        commands: whether it may switch cameras.
    """

    def __init__(
        self, prefix: str, identity: Identity, topics: Topics, qos: int, *, commands: bool
    ) -> None:
        self._prefix, self._identity, self._topics, self._qos = prefix, identity, topics, qos
        self._commands = commands
        self._version = _version()

    def devices(self, cameras: Sequence[CameraPlan]) -> dict[str, Device]:
        """By topic; the line comes first, since the cameras refer to it."""
        line = {self._topic(self._identity.device_id): self._line()}
        return line | {self._topic(self._camera_id(c)): self._camera(c) for c in cameras}

    def _topic(self, device_id: str) -> str:
        return f"{self._prefix}/device/{device_id}/config"

    def _camera_id(self, plan: CameraPlan) -> str:
        return f"{self._identity.device_id}_{plan.name}"

    def _line(self) -> Device:
        """The line itself: whether it is there, and what waits for the broker."""
        topics, me = self._topics, self._identity.device_id
        of_line = {"state_topic": topics.line, "entity_category": "diagnostic"}
        components = {
            "available": _binary(
                "Connection", "connectivity", topics.available,
                payload_on="online", payload_off="offline", entity_category="diagnostic",
                availability=[],
            ),
            "waiting": _sensor(
                "Messages waiting", value_template="{{ value_json.waiting }}",
                state_class="measurement", **of_line,
            ),
            "lost": _sensor(
                "Messages lost", value_template="{{ value_json.lost.values() | sum }}",
                state_class="total_increasing", **of_line,
            ),
        }  # fmt: skip
        device = {"ids": [me], "name": self._identity.name, "mf": _MAKER, "mdl": "line"}
        return self._device(device, components, self._identity.name, [self._of_line()])

    def _camera(self, plan: CameraPlan) -> Device:
        topics = self._topics.of(plan.name)
        components = {
            **_objects(plan, topics),
            **_zones(plan, topics),
            **_lines(plan, topics),
            **(self._switches(plan, topics) if self._commands else {}),
            "track": _events("Tracks", topics.track_event, ["begin", "end"]),
            "picture": {
                "p": "image", "name": "Last picture", "image_topic": topics.picture,
                "content_type": "image/jpeg",
            },
            "age": _sensor(
                "Age of results", topics.age, device_class="duration", unit_of_measurement="ms",
                state_class="measurement", entity_category="diagnostic",
            ),
            "connection": _binary(
                "Connection", "connectivity", topics.status, value_template=_CONNECTED,
                entity_category="diagnostic", availability=[self._of_line()],
            ),
        }  # fmt: skip
        device = {
            "ids": [self._camera_id(plan)], "name": plan.name, "mf": _MAKER, "mdl": "camera",
            "via_device": self._identity.device_id,
        }  # fmt: skip
        of_camera = {"topic": topics.status, "value_template": _LIVE}
        return self._device(device, components, plan.name, [self._of_line(), of_camera])

    def _switches(self, plan: CameraPlan, topics: CameraTopics) -> dict[str, dict[str, Any]]:
        """A camera that is away can be switched, too."""
        return {
            name: {
                "p": "switch", "name": _SWITCHES[name], "state_topic": topics.switch(name),
                "command_topic": topics.command(name), "icon": _ICONS[name],
                "availability": [self._of_line()],
            }
            for name in plan.switches
        }  # fmt: skip

    def _of_line(self) -> dict[str, str]:
        return {"topic": self._topics.available}

    def _device(
        self,
        device: Mapping[str, Any],
        components: Mapping[str, dict[str, Any]],
        name: str,
        availability: list[dict[str, str]],
    ) -> Device:
        for key, component in components.items():
            component["unique_id"] = f"{device['ids'][0]}_{key}"
            component["default_entity_id"] = f"{component['p']}.{_entity(f'{name}_{key}')}"
        return {
            "dev": {**device, "sw": self._version},
            "o": {"name": _MAKER, "sw": self._version},
            "availability": availability,
            "availability_mode": "all",
            "qos": self._qos,
            "cmps": components,
        }


def encode(device: Device) -> bytes:
    """The payload of a discovery topic."""
    return msgspec.json.encode(device)


def without(device: Device, removed: Mapping[str, str]) -> Device:
    """The device with those of its entities as removed that it had before: platforms by key."""
    gone = {key: {"p": platform} for key, platform in removed.items()}
    return {**device, "cmps": device["cmps"] | gone}


def _objects(plan: CameraPlan, topics: CameraTopics) -> dict[str, dict[str, Any]]:
    found = {}
    for label, slug in slugs(plan.labels).items():
        name = label.capitalize()
        found[f"object.{slug}"] = _binary(name, "occupancy", topics.present(slug))
        found[f"object.{slug}.count"] = _sensor(
            f"{name} count", topics.objects(slug), state_class="measurement"
        )
    return found


def _zones(plan: CameraPlan, topics: CameraTopics) -> dict[str, dict[str, Any]]:
    found = {}
    for zone in plan.zones:
        inside = topics.inside(zone)
        found[f"zone.{zone}"] = _binary(
            f"Zone {zone}", "occupancy", inside, value_template=_OCCUPIED
        )
        found[f"zone.{zone}.inside"] = _sensor(
            f"Zone {zone} inside", inside, state_class="measurement"
        )
        types = ["enter", "leave", "dwell"]
        found[f"zone.{zone}.event"] = _events(f"Zone {zone}", topics.zone_event(zone), types)
    return found


def _lines(plan: CameraPlan, topics: CameraTopics) -> dict[str, dict[str, Any]]:
    found = {}
    for line, directions in plan.lines.items():
        for direction in directions:
            found[f"line.{line}.{direction}.count"] = _sensor(
                f"Line {line} {direction}", topics.crossings(line, direction),
                state_class="total_increasing",
            )  # fmt: skip
        name = f"Line {line}"
        found[f"line.{line}.event"] = _events(name, topics.line_event(line), list(directions))
    return found


def _binary(name: str, device_class: str, topic: str, **more: Any) -> dict[str, Any]:
    return {
        "p": "binary_sensor", "name": name, "device_class": device_class, "state_topic": topic,
        **more,
    }  # fmt: skip


def _sensor(name: str, topic: str | None = None, **more: Any) -> dict[str, Any]:
    return {"p": "sensor", "name": name} | ({"state_topic": topic} if topic else {}) | more


def _events(name: str, topic: str, types: list[str]) -> dict[str, Any]:
    return {
        "p": "event", "name": name, "state_topic": topic, "event_types": types,
        "value_template": _EVENT,
    }  # fmt: skip


def _entity(text: str) -> str:
    """What an entity id may have after its dot."""
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in text.lower())


def _version() -> str:
    try:
        return version("thunderline")
    except PackageNotFoundError:  # run from a folder that was not installed
        return "unknown"
