"""From the line-up that runs to another one: which numbers, processes and cores cameras get."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from pipeline.processes.cores import spare_core
from pipeline.processes.line_up import LineUp
from pipeline.realtime import available_cores
from pipeline.topology import ProcessSpec
from stages.config import LineConfig
from stages.line.line import Line

CaptureOptions = dict[str, dict[str, Any]]  # by the name of the camera


class Cast(NamedTuple):
    """The cameras and processes of a line that runs; those that were removed keep their places."""

    cameras: tuple[str, ...]
    present: tuple[int, ...]
    processes: tuple[ProcessSpec, ...]

    @classmethod
    def of_line(cls, line: Line) -> "Cast":
        cameras = line.config.camera_names
        return cls(cameras, tuple(range(len(cameras))), line.processes)

    @property
    def running(self) -> tuple[ProcessSpec, ...]:
        """All processes but those of cameras that were removed."""
        return tuple(p for p in self.processes if p.camera is None or p.camera in self.present)

    def after(self, line_up: LineUp) -> "Cast":
        return Cast(line_up.cameras, line_up.present, line_up.processes)

    def change(self, running: Line, wanted: Line) -> LineUp:
        """What the line becomes where nothing but cameras and hot options differs.

        Args:
            running, wanted: the configurations in force now and then, as they are planned now.
        """
        before, after = captures(running), captures(wanted)
        restarted = {name for name in before if name in after and before[name] != after[name]}
        leaving = {name for name in before if name not in after} | restarted
        cast = self._with_new_places([name for name in after if name not in before], wanted)
        processes = cast._told(wanted, after)
        meanwhile: tuple[ProcessSpec, ...] = ()
        if leaving:
            mixed = wanted.with_config(_mix(running.config, wanted.config, leaving))
            meanwhile = cast._told(mixed, captures(mixed))
        return LineUp(
            cameras=cast.cameras,
            present=tuple(sorted(cast.cameras.index(name) for name in after)),
            processes=processes,
            leaving=tuple(cast.cameras.index(name) for name in leaving),
            meanwhile=meanwhile,
        )

    def _with_new_places(self, coming: Sequence[str], wanted: Line) -> "Cast":
        """Numbers and processes for cameras that the run has not had; cores for all that come."""
        cameras, processes = self.cameras, list(self.processes)
        planned = {p.name: p for p in wanted.processes}
        running = list(self.running)
        for name in coming:
            known = name in cameras
            cameras = cameras if known else (*cameras, name)
            number = cameras.index(name)
            spec = planned[_capture_name(wanted, name)]
            index = next((p.index for p in processes if p.camera == number), len(processes))
            core = spec.core if spec.stage in wanted.config.cores else _find_core(running, wanted)
            spec = msgspec.structs.replace(spec, index=index, camera=number, core=core)
            processes[index : index + 1] = [spec]
            running.append(spec)
        return Cast(cameras, self.present, tuple(processes))

    def _told(self, planned: Line, options: CaptureOptions) -> tuple[ProcessSpec, ...]:
        """The processes with what a line plans for them."""
        others = {p.name: p for p in planned.processes if not p.is_source}
        return tuple(
            process.with_hot(others[process.name].options)
            if process.camera is None
            else _with_options(process, options.get(self.cameras[process.camera]))
            for process in self.processes
        )


def captures(line: Line) -> CaptureOptions:
    """The options of each camera's capture process, by the camera's name."""
    names = line.config.camera_names
    return {names[p.camera]: p.options for p in line.processes if p.camera is not None}


def _with_options(process: ProcessSpec, options: dict[str, Any] | None) -> ProcessSpec:
    return process if options is None else msgspec.structs.replace(process, options=options)


def _mix(running: LineConfig, wanted: LineConfig, leaving: set[str]) -> LineConfig:
    """The wanted configuration with the sources that leave as they are now."""
    old = {name: source for name, source in running.named_sources.items() if name in leaving}
    mixed = wanted.named_sources | old
    sources = (msgspec.structs.replace(source, name=name) for name, source in mixed.items())
    return msgspec.structs.replace(wanted, sources=tuple(sources))


def _capture_name(line: Line, camera: str) -> str:
    number = line.config.camera_names.index(camera)
    return next(p.name for p in line.processes if p.camera == number)


def _find_core(running: Sequence[ProcessSpec], line: Line) -> int:
    stages = {stage.name for stage in line.topology.stages if stage.heavy}
    heavy = [process.core for process in running if process.stage in stages]
    return spare_core([process.core for process in running], heavy, available_cores())
