"""The subjects of a fleet, its streams and its bucket; docs/fleet.md describes each.

tl.<site>.<board>.<camera>.event | track | state | counters | detections
tl.<site>.<board>.board | config
"""

from typing import NamedTuple

from pipeline.client import EventMessage

EVENTS, STATES = "tl_events", "tl_states"  # streams
BUCKET = "tl_config"
CONFIG = f"KV_{BUCKET}"  # the stream that holds the bucket
ALL_OF_SITE = "_site"  # in place of a board: no name of a board begins with it
KINDS_OF_EVENTS = ("event", "track")
KINDS_OF_STATES = ("state", "counters")
KINDS_OF_BOARDS = ("board", "config")


class Subjects(NamedTuple):
    """Those of one board."""

    site: str
    board: str

    @property
    def base(self) -> str:
        return f"tl.{self.site}.{self.board}"

    def of(self, topic: str) -> str:
        """That of a topic below, by which messages wait: a board may get another name meanwhile."""
        return f"{self.base}.{topic}"

    def counters(self, camera: str) -> str:
        return f"{self.base}.{camera}.counters"

    def detections(self, camera: str) -> str:
        return f"{self.base}.{camera}.detections"

    @property
    def whole(self) -> str:
        """What the board says of itself."""
        return f"{self.base}.board"

    @property
    def keys(self) -> tuple[str, str]:
        """Of the bucket: that of the board, and that of its site, which goes over it."""
        return f"{self.site}.{self.board}", f"{self.site}.{ALL_OF_SITE}"


def event_topic(event: EventMessage) -> str:
    """The beginning and end of a track are of a kind of their own: there are most of them."""
    return f"{event.camera}.{'track' if event.region is None else 'event'}"


def state_topic(camera: str) -> str:
    return f"{camera}.state"


CONFIG_TOPIC = "config"  # what became of the configuration that was pushed


def lane(topic: str) -> str:
    """What is sent in order: the topics of one lane differ in their kind only."""
    return topic.rpartition(".")[0]


def events_of(site: str) -> list[str]:
    """The subjects of a site's stream of events; `*` is every site."""
    return [f"tl.{site}.*.*.{kind}" for kind in KINDS_OF_EVENTS]


def states_of(site: str) -> list[str]:
    cameras = [f"tl.{site}.*.*.{kind}" for kind in KINDS_OF_STATES]
    return [*cameras, *(f"tl.{site}.*.{kind}" for kind in KINDS_OF_BOARDS)]


def config_of(site: str) -> str:
    """The subjects of the bucket's keys of a site."""
    return f"$KV.{BUCKET}.{site}.>"
