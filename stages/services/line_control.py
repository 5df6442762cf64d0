"""What services ask of the configuration of the line that they are part of, and the answers.

Questions and answers travel as JSON over the control socket (`ServiceContext.ask`). The words of
the answers are those of the REST interface, which hands them on as they are.
"""

from typing import Literal

import msgspec

from stages.config import LineConfig
from stages.events.config import Lines, Zones

Mode = Literal["check", "plan", "apply"]
Saving = Literal["if possible", "always", "never"]
Syntax = Literal["json", "yaml"]
Section = Literal["zones", "lines"]


class _Question(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """One of the questions."""


class ReadConfiguration(_Question, frozen=True):
    """What is in force."""


class ReadZones(_Question, frozen=True):
    """The zones and counting lines of a camera."""

    camera: str


class ReadSwitches(_Question, frozen=True):
    """What is switched on of a camera."""

    camera: str


class Document(msgspec.Struct, frozen=True, tag=True):
    """A whole configuration, or a merge patch (RFC 7396) of the one in force."""

    text: bytes
    syntax: Syntax = "json"
    is_patch: bool = False


class CameraZones(msgspec.Struct, frozen=True, tag=True):
    """JSON with `zones`, `lines` or both, which take the place of those of a camera."""

    camera: str
    text: bytes


class CameraSwitches(msgspec.Struct, frozen=True, tag=True):
    """JSON with `detect`, `record` or both: whether frames of a camera are looked at, and whether
    pictures of it are kept.
    """

    camera: str
    text: bytes


class Region(msgspec.Struct, frozen=True, tag=True):
    """One zone or counting line of a camera, as JSON; it is taken away where there is none."""

    camera: str
    section: Section
    name: str
    text: bytes | None = None


class NewCamera(msgspec.Struct, frozen=True, tag=True):
    """A source as JSON, which comes to those that there are."""

    text: bytes


class NoCamera(msgspec.Struct, frozen=True, tag=True):
    """The sources without this camera."""

    camera: str


class Layer(msgspec.Struct, frozen=True):
    """Goes over the file and the layers before it; read by `stages.line.configuration.layers`."""

    name: str  # for errors
    text: bytes  # JSON


class Layers(msgspec.Struct, frozen=True, tag=True):
    """What the file says, with these on top of it; without any, what the file says."""

    layers: tuple[Layer, ...]


Wanted = Document | CameraZones | CameraSwitches | Region | NewCamera | NoCamera | Layers


class Change(_Question, frozen=True):
    """Check or plan another configuration, or bring it into force."""

    to: Wanted
    mode: Mode = "apply"
    revisions: tuple[str, ...] | None = None  # one of which must be in force; None: whichever is
    saving: Saving = "if possible"


Question = ReadConfiguration | ReadZones | ReadSwitches | Change


class Answer(msgspec.Struct, frozen=True):
    """`body` is one of the structs below, as `status` says: below 400 the one that was asked for,
    otherwise a refusal.
    """

    status: int  # of HTTP
    body: msgspec.Raw
    revision: str = ""  # of what was read, or is in force after a change


class Mistake(msgspec.Struct, frozen=True):
    """Something that is wrong with a configuration."""

    key: str  # as `--check` names it, such as sources[0].zones.yard.polygon; may be empty
    detail: str


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing has changed."""

    detail: str
    errors: tuple[Mistake, ...] = ()


class Configuration(msgspec.Struct, frozen=True):
    """What is in force, every key with its value; `***` stands for what is secret."""

    configuration: LineConfig
    file: str | None  # into which changes are written; null where there is none
    overridden: tuple[str, ...]  # keys that the command line says: they are not written


class ZonesOfCamera(msgspec.Struct, frozen=True):
    """As they are written in the configuration, by name."""

    zones: Zones
    lines: Lines


class Switches(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is switched on of a camera; null is left as it is."""

    detect: bool | None = None
    record: bool | None = None


class Checked(msgspec.Struct, frozen=True):
    """A start would take the configuration."""

    valid: bool = True


class KeyChange(msgspec.Struct, frozen=True):
    """One key that differs."""

    key: str
    kind: Literal["hot", "camera added", "camera removed", "camera restarted", "start again"]
    text: str  # the key with its values before and after, cut to a readable length
    cost: str  # empty: nothing
    camera: str | None  # which alone is touched


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a change does, or would do where it was only planned."""

    applied: bool
    possible: bool  # without a new start of the line
    changes: tuple[KeyChange, ...]
    processes: tuple[str, ...]  # that take new options
    cost: str
    saved: bool = False  # the file says what is in force
    unsaved: tuple[str, ...] = ()  # what it does not say, and why
    absent: tuple[str, ...] = ()  # cameras of layers that the line does not have
