"""From a configuration to the processes of a run."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from loguru import logger

from pipeline.errors import LineError
from pipeline.links.authenticator import server_keys
from pipeline.memory.run_dir import RunDir
from pipeline.realtime import available_cores
from pipeline.topology import CoreWish, ProcessSpec, RunSpec, assign_cores
from stages.config import SHIPPED_MODEL, LineConfig, SourceConfig
from stages.graph import make_topology
from stages.model.model_choice import AUTO, choose_model
from stages.model.model_file import ModelFileError, ModelMetadata, read_model_metadata
from stages.readers.uri import check_uri
from stages.slot import SlotShape


class Line:
    """A checked configuration: what runs, where, and with which options."""

    def __init__(self, config: LineConfig) -> None:
        self.config = config
        self.model_path = _resolve_model(config)
        self.model = _read_model(self.model_path)
        for source in config.sources:
            check_uri(source.uri)
        keys = server_keys(config.publish.secret_key, config.publish.clients)
        if keys is not None:
            keys.socket_options()
        for key, path in self._recordings():
            _check_writable(key, path)
        self.topology = make_topology(
            jsonl=config.record.jsonl is not None, video=config.record.video is not None
        )
        self.processes = tuple(self._make_processes())

    def make_folders(self) -> None:
        """Have a place for what the run records."""
        for key, path in self._recordings():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LineError(f"{key}: cannot write {path}: {error.strerror}") from None

    def _recordings(self) -> Iterator[tuple[str, Path]]:
        record = self.config.record
        for key, path in (("jsonl", record.jsonl), ("video", record.video)):
            if path is not None:
                yield f"record.{key}", Path(path)

    def run_spec(self, run_dir: RunDir, supervisor_pid: int) -> RunSpec:
        return RunSpec(
            run_dir=str(run_dir.path),
            supervisor_pid=supervisor_pid,
            topology=self.topology,
            cameras=self.config.camera_names,
            processes=self.processes,
            limits=self.config.limits,
        )

    def _make_processes(self) -> Iterator[ProcessSpec]:
        instances = list(self._instances())
        cores = assign_cores(
            [
                CoreWish(name, self.topology.row(stage).heavy, self._wanted(stage), number)
                for name, stage, number in instances
            ]
        )
        for index, (name, stage, number) in enumerate(instances):
            camera = number if stage == "capture" else None
            options = msgspec.to_builtins(self._options(stage, number))
            yield ProcessSpec(name, stage, index, camera, cores[name], options)

    def _instances(self) -> Iterator[tuple[str, str, int]]:
        """(process name, stage, number among its like), in the order of the data."""
        for stage in self.topology.names:
            if stage == "capture":
                for number, camera in enumerate(self.config.camera_names):
                    yield f"capture.{camera}", stage, number
            elif stage == "detect" and self.config.detect.replicas > 1:
                for number in range(self.config.detect.replicas):
                    yield f"detect.{number}", stage, number
            else:
                yield stage, stage, 0

    def _wanted(self, stage: str) -> tuple[int, ...]:
        cores: tuple[int, ...] = getattr(self.config.cores, stage)
        return cores

    def _options(self, stage: str, number: int) -> dict[str, Any]:
        config, model = self.config, self.model
        if stage == "capture":
            return _capture_options(config, config.sources[number], model)
        options: dict[str, dict[str, Any]] = {
            "detect": {"model": self.model_path, "threads": config.detect.threads},
            "postprocess": _soft_nms_options(config, model),
            "publish": {
                "endpoint": config.publish.endpoint,
                "secret_key": config.publish.secret_key,
                "clients": config.publish.clients,
                "labels": model.labels,
                "model": {"name": model.name, "sha256": model.sha256},
            },
            "overlay": {"labels": model.labels},
            "record_jsonl": {"path": config.record.jsonl, "required": config.record.required},
            "record_video": {"path": config.record.video, "required": config.record.required},
        }
        return options.get(stage, {})


def _capture_options(
    config: LineConfig, source: SourceConfig, model: ModelMetadata
) -> dict[str, Any]:
    slot = SlotShape(
        network_wh=model.input_wh,
        max_rois=model.max_rois,
        classes=len(model.labels),
        canvas=config.record.video is not None,
    )
    return {
        "uri": source.uri,
        "slots": config.ring.slots,
        "max_pixels": config.ring.max_pixels,
        "retry": source.retry,
        "silence_s": source.silence_s,
        "freeze_s": source.freeze_s,
        "slot": slot,
        "loop": source.loop,
        "live": source.live,
        "realtime": source.realtime,
        "rtsp_transport": source.rtsp_transport,
    }


def _soft_nms_options(config: LineConfig, model: ModelMetadata) -> dict[str, Any]:
    """The model's own settings, under what the configuration says."""
    defaults = {"score_thresh": model.score_thresh, **msgspec.structs.asdict(model.soft_nms)}
    said = msgspec.structs.asdict(config.postprocess)
    return defaults | {key: value for key, value in said.items() if value is not None}


def _resolve_model(config: LineConfig) -> str:
    """The configured file, or for `auto` the version of the shipped model that is fastest here."""
    if config.model != AUTO:
        return config.model
    core = config.cores.detect[0] if config.cores.detect else available_cores()[-1]
    try:
        choice = choose_model(SHIPPED_MODEL, config.detect.threads, core)
    except ModelFileError as error:
        raise LineError(str(error)) from None
    logger.info("model: auto: {}", choice.reason)
    return choice.path


def _read_model(path: str) -> ModelMetadata:
    try:
        return read_model_metadata(Path(path))
    except ModelFileError as error:
        raise LineError(str(error)) from None


def _check_writable(key: str, path: Path) -> None:
    """Open the file for writing now, not when the first frame is through; leave no trace of it."""
    try:
        if not path.parent.exists():
            _check_folder(path)
            return
        probe = Path(str(path).replace("{camera}", "camera"))
        existed = probe.exists()
        if existed and not probe.is_file():
            raise LineError(f"{key}: expected a regular file, got {probe}")
        with probe.open("ab"):
            pass
        if not existed:
            probe.unlink()
    except OSError as error:
        raise LineError(f"{key}: cannot write {path}: {error.strerror}") from None
    except ValueError as error:  # a null byte in the name
        raise LineError(f"{key}: cannot write {path}: {error}") from None


def _check_folder(path: Path) -> None:
    """Whether the folders on the way to the file can be made. Raises OSError."""
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
