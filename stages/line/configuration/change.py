"""What another configuration means for a line that runs, key by key, and what it costs."""

import enum
from typing import NamedTuple


class ChangeKind(enum.StrEnum):
    """What has to be done for a key to be in force."""

    HOT = "hot"  # processes take other options between two frames
    CAMERA_ADDED = "camera added"
    CAMERA_REMOVED = "camera removed"
    CAMERA_RESTARTED = "camera restarted"
    START_AGAIN = "start again"  # the line cannot do it while it runs


class Change(NamedTuple):
    """One difference between two configurations.

    `key` as the errors of the configuration write it: `sources[0].uri`. `text` also says the values
    before and after, without passwords. `cost` says what the change costs; empty if nothing.
    `camera` is the name of the one that is touched, where only one is.
    """

    kind: ChangeKind
    key: str
    text: str
    cost: str = ""
    camera: str | None = None

    def __str__(self) -> str:
        return f"{self.text} ({self.cost})" if self.cost else self.text
