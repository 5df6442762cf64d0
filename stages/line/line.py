"""From a configuration to the processes of a run."""

import copy
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from pipeline.config_file import ConfigError, nearest
from pipeline.errors import LineError
from pipeline.links.authenticator import server_keys
from pipeline.links.endpoint import check_endpoint
from pipeline.memory.run_dir import RunDir
from pipeline.processes.cores import CoreWish, assign_cores
from pipeline.topology import ProcessSpec, RunSpec, ServiceRow, StageRow
from stages.config import LineConfig
from stages.events.config_check import check_filter, check_regions
from stages.graph import ROWS, make_topology
from stages.line.configuration.paths import expand_home
from stages.line.configuration.references import resolve_references
from stages.line.model_to_run import check_loads, find_model_file
from stages.model.model_file import ModelFileError, ModelMetadata, read_model_metadata
from stages.options import Given, is_tracked
from stages.readers.uri import Kind, parse_address
from stages.recording.inputs import Input, find_inputs
from stages.recording.kept_check import check_kept
from stages.recording.outputs import Output, check_outputs, find_outputs


class _Instance(NamedTuple):
    """One process of a row; `number` is its camera, or which of the replicas it is."""

    name: str
    row: StageRow | ServiceRow
    number: int


class Line:
    """A checked configuration: what runs, where, and with which options."""

    def __init__(
        self, config: LineConfig, config_path: Path | None = None, held: Sequence[Output] = ()
    ) -> None:
        """`config_path` is where the configuration was read, and must not be overwritten; `held`
        are the outputs that this process has locked, for a line that runs.
        """
        self.config = config = expand_home(resolve_references(config))
        check_cores(config)
        _check_sources(config)
        _check_keys(config)
        self.model_path = find_model_file(config)  # may measure models, which takes a while
        self.model = _read_model(self.model_path)
        _check_events(config, self.model.labels)
        check_kept(config, self.model.labels)
        _check_services(config, self.model.labels)
        self.outputs = tuple(find_outputs(config))
        self._config_path = config_path
        self._began_ns = time.monotonic_ns()
        self._recorded_since: Mapping[str, int] = {}
        if self.outputs:
            check_outputs(self.outputs, self.inputs(), held)
        self._plan(config)

    def inputs(self) -> Iterator[Input]:
        """The files that the run reads, and that of the configuration."""
        return find_inputs(self.config, self.model_path, self._config_path)

    def probe(self) -> None:
        """Open what the run will open, and close it again. Raises LineError, as the run would."""
        from stages.capture import CaptureOptions, probe  # imports OpenCV, which no run needs here

        for process in self.processes:
            if process.is_source:
                probe(msgspec.convert(process.options, CaptureOptions))
        check_loads(self.model_path, self.config.detect.threads)
        check_endpoint(self.config.publish.endpoint)
        if self.config.web is not None:
            from stages.line.checks.web import check_listen

            check_listen(self.config.web.listen)

    def with_config(
        self, config: LineConfig, recorded_since: Mapping[str, int] | None = None
    ) -> Self:
        """The line that another configuration plans for the same model file; nothing is checked.

        `recorded_since` says when the recording of cameras was switched on again, if others were.
        """
        other = copy.copy(self)
        if recorded_since is not None:
            other._recorded_since = recorded_since
        other._plan(config)
        return other

    def run_spec(self, run_dir: RunDir, supervisor_pid: int) -> RunSpec:
        return RunSpec(
            run_dir=str(run_dir.path),
            supervisor_pid=supervisor_pid,
            topology=self.topology,
            cameras=self.config.camera_names,
            processes=self.processes,
            limits=self.config.limits,
        )

    @property
    def most(self) -> tuple[int, int]:
        """How many cameras and processes a run of this line may come to have."""
        cameras = max(self.config.limits.cameras, len(self.config.sources))
        return cameras, len(self.processes) + cameras - len(self.config.sources)

    def _plan(self, config: LineConfig) -> None:
        self.config = config
        self.outputs = tuple(find_outputs(config))
        self.topology = make_topology(config)
        self.processes = tuple(self._make_processes())

    def _make_processes(self) -> Iterator[ProcessSpec]:
        instances = list(self._instances())
        cores = assign_cores([self._wish(instance) for instance in instances])
        for index, (name, row, number) in enumerate(instances):
            is_source = isinstance(row, StageRow) and row.is_source
            given = Given(
                self.config, self.model, self.model_path, number,
                self._began_ns, self._recorded_since,
            )  # fmt: skip
            yield ProcessSpec(
                name=name,
                stage=row.name,
                index=index,
                camera=number if is_source else None,
                core=cores[name],
                options=msgspec.to_builtins(row.options(given)),
                is_service=isinstance(row, ServiceRow),
                hot=row.hot,
            )

    def _instances(self) -> Iterator[_Instance]:
        """All processes: of the stages, in the order of the data, then of the services."""
        running = {*self.topology.names, *(service.name for service in self.topology.services)}
        for row in ROWS:
            if row.name in running:
                for number, suffix in enumerate(self._suffixes(row)):
                    yield _Instance(f"{row.name}{suffix}", row, number)

    def _suffixes(self, row: StageRow | ServiceRow) -> list[str]:
        """What tells the processes of a row apart, one each."""
        if isinstance(row, ServiceRow):
            return [""]
        if row.is_source:
            return [f".{camera}" for camera in self.config.camera_names]
        replicas = row.replicas(self.config)
        return [f".{number}" for number in range(replicas)] if replicas > 1 else [""]

    def _wish(self, instance: _Instance) -> CoreWish:
        name, row, number = instance
        heavy = isinstance(row, StageRow) and row.heavy
        return CoreWish(name, heavy, self.config.cores.get(row.name, ()), number)


def check_cores(config: LineConfig) -> None:
    """Refuse cores for what is no row of the table."""
    names = [row.name for row in ROWS]
    for name in config.cores:
        if name not in names:
            raise ConfigError(f"unknown key 'cores.{name}'{nearest(name, names)}")


def _check_sources(config: LineConfig) -> None:
    once = set[str]()  # what only one process can read
    for i, source in enumerate(config.sources):
        address = parse_address(source.uri)
        if source.v4l2 is not None and address.kind is not Kind.CAMERA:
            raise ConfigError(
                f"sources[{i}].v4l2: expected a camera of this machine, got {source.uri}, "
                f"which is a {address.kind}"
            )
        if source.fps is not None and address.kind in (Kind.SCENE, Kind.FOLDER):
            raise ConfigError(
                f"sources[{i}].fps: expected a camera, stream or video file, got {source.uri}, "
                f"which is a {address.kind}"
            )
        if source.gate is not None and not is_tracked(config, source):
            raise ConfigError(
                f"sources[{i}].gate: expected a source whose objects are tracked, since the gate "
                f"is open while there are any; got {source.uri}, of which they are not"
            )
        if address.kind in (Kind.CAMERA, Kind.PIPE):
            if (device := os.path.realpath(address.location)) in once:
                raise ConfigError(
                    f"sources[{i}].uri: expected sources that differ, got {source.uri} twice: one "
                    f"process can read a {address.kind}"
                )
            once.add(device)


def _check_events(config: LineConfig, labels: Sequence[str]) -> None:
    """Refuse zones, lines and filters that cannot be watched."""
    for i, source in enumerate(config.sources):
        check_filter(f"sources[{i}].filter", source.filter, labels)
        check_regions(f"sources[{i}]", source.zones, source.lines, labels)
        if (source.zones or source.lines) and not is_tracked(config, source):
            raise ConfigError(
                f"sources[{i}].{'zones' if source.zones else 'lines'}: expected a source whose "
                "objects are tracked (sources.track, track.enabled)"
            )


def _check_keys(config: LineConfig) -> None:
    """Read the key files."""
    keys = server_keys(config.publish.secret_key, config.publish.clients)
    if keys is not None:
        keys.socket_options()


def _check_services(config: LineConfig, labels: Sequence[str]) -> None:
    """What a service needs for that is loaded only where there is such a service."""
    if config.web is not None:
        from stages.line.checks.web import check_web

        check_web(config.web)
    if config.webhook is not None:
        from stages.line.checks.webhook import check_webhook

        check_webhook(config.webhook, config.camera_names, labels)
    if config.mqtt is not None:
        from stages.line.checks.mqtt import check_mqtt

        check_mqtt(config.mqtt, labels)
    if config.fleet is not None:
        from stages.line.checks.fleet import check_fleet

        check_fleet(config.fleet)


def _read_model(path: str) -> ModelMetadata:
    try:
        return read_model_metadata(Path(path))
    except ModelFileError as error:
        raise LineError(str(error)) from None
