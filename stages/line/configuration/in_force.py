"""The configuration that a line works with, and the file that says it."""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from pipeline.config_file import read_text
from pipeline.errors import LineChanging, LineError
from pipeline.logger import logger
from stages.config import LineConfig
from stages.line.configuration.config_source import ConfigReading, ConfigSource
from stages.line.configuration.draft import Draft, draft_file
from stages.line.configuration.hot_change import HotChange, Plan
from stages.line.configuration.masks import to_content
from stages.line.configuration.replacement import Replacement
from stages.services.line_control import Saving

_DIGITS = 32  # of a revision
_LEAVING_S = 10.0  # for cameras that are on their way out; it takes some tenths of a second
_PAUSE_S = 0.02


class Part(NamedTuple):
    """Some keys of a source."""

    camera: int
    keys: tuple[str, ...]


class NotSaved(LineError):
    """The file would not say what is in force, so nothing has changed."""


class ConfigInForce:
    """One thread changes it, and has the supervisor's loop bring it into force.

    Attributes:
        config: in force, as it was written.

    Args:
        source: where the configuration comes from.
        first: what it said at the start of the line.
        change: compares with what is in force.
        in_loop: has the loop do something, and waits for it.
    """

    def __init__(
        self,
        source: ConfigSource,
        first: ConfigReading,
        change: HotChange,
        in_loop: Callable[[Callable[[], None]], None],
    ) -> None:
        self.source = source
        self.config = first.config
        self._read = first  # what the file said when it was read or written last
        self._change = change
        self._in_loop = in_loop
        self._key = os.urandom(32)  # so a revision tells nothing of passwords

    @property
    def of_file(self) -> LineConfig:
        """What the file said when it was read or written last, with the command line on top."""
        return self._read.config

    def plan(self, config: LineConfig) -> Plan:
        """Raises LineError: the configuration is not valid."""
        return self._change.prepare(config)

    def affected(self, plan: Plan) -> tuple[str, ...]:
        """Names of the processes that would work with other options."""
        return self._change.affected(plan)

    def revision(self, part: Part | None = None) -> str:
        """Differs when the configuration does, or this part of it."""
        content = to_content(self.config)
        if part is not None:
            source = content["sources"][part.camera]
            content = {"camera": part.camera} | {key: source[key] for key in part.keys}
        digest = hmac.new(self._key, json.dumps(content).encode(), hashlib.sha256)
        return digest.hexdigest()[:_DIGITS]

    def reload(self) -> None:
        """Apply what the file says now, and log what changes, or in one line why nothing does."""
        try:
            read = self.source.read_again()
            self._bring(self.plan(read.config), read.config)
        except (LineError, OSError) as error:
            logger.error("configuration not changed: {}", error)
        else:
            self._read = read

    def apply(self, plan: Plan, config: LineConfig, saving: Saving) -> tuple[str, ...]:
        """Bring a configuration into force that was planned last, and write it into the file.

        Returns:
            What the file does not say, and why.

        Raises:
            NotSaved: the file was changed by hand; or something cannot be written, where it has to
                be.
            LineError: as `HotChange.bring_into_force` does.
        """
        draft = self._draft(config, saving)
        unsaved, replacement = list(draft.unsaved), None
        if draft.reading.text != self._read.text:
            try:
                replacement = Replacement(self.source.path, draft.reading.text)
            except OSError as error:
                unsaved.append(f"{self.source.path}: {error.strerror}")
        try:
            if unsaved and saving == "always":
                raise NotSaved(f"it cannot be saved: {unsaved[0]}")
            self._bring(plan, config)
        except BaseException:
            if replacement is not None:
                replacement.drop()
            raise
        if replacement is not None:
            try:
                replacement.commit()
                self._read = draft.reading
            except OSError as error:
                unsaved.append(f"{self.source.path}: {error.strerror}")
        for reason in unsaved if saving != "never" else ():
            logger.warning("configuration: not saved: {}", reason)
        return tuple(unsaved)

    def _draft(self, config: LineConfig, saving: Saving) -> Draft:
        if saving == "never":
            return Draft(self._read, ("it was not to be saved",))
        if self.source.is_named:
            if not self.source.path.is_file():
                return Draft(self._read, (f"{self.source.path}: expected a file",))
            if read_text(self.source.path) != self._read.text:
                raise NotSaved(
                    f"{self.source.path} was changed by hand since the line has read it: have it "
                    "read first (SIGHUP)"
                )
        return draft_file(self.source, self._read, config)

    def _bring(self, plan: Plan, config: LineConfig) -> None:
        deadline_s = time.monotonic() + _LEAVING_S
        while True:
            try:
                self._in_loop(lambda: self._change.bring_into_force(plan))
                break
            except LineChanging:
                if time.monotonic() >= deadline_s:
                    raise
                time.sleep(_PAUSE_S)
        self.config = config
        for text in map(str, plan.changes) if plan.changes else ["nothing has changed"]:
            logger.info("configuration: {}", text)
