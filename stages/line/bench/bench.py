"""The measurements of a bench, one after the other."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.errors import LineError
from pipeline.memory.run_dir import SHM_ROOT
from pipeline.realtime import available_cores
from stages.config import SHIPPED_MODEL, RingConfig
from stages.line.bench.board_name import board_name
from stages.line.bench.capacity import (
    Costs,
    Share,
    Try,
    judge,
    search,
    share_cores,
)
from stages.line.bench.child import ask
from stages.line.bench.clip import FPS, make_clip
from stages.line.bench.core_speed import CoreSpeed
from stages.line.bench.line_speed import LineSpeed
from stages.line.bench.report import BenchReport, CoreGroup, Proposal
from stages.line.doctor.processor import cluster_cores
from stages.model.model_choice import SUFFIX, pick, versions_of
from stages.model.model_file import ModelFileError, read_model_metadata
from stages.model.zoo import ZOO, find_model, is_shipped, shipped_path

_CORE_S = 12.0  # for all networks on one core; slower boards measure longer
_CORE_TIMEOUT_S = 300.0
_LINE_S = 4.0  # a line is watched for so long
_LINE_TIMEOUT_S = 120.0
_LINE_COST_S = 8.0  # start, warm-up, watching and end of one line
_OTHER_STAGES = 1.5  # their processor time for a result, in times of decoding one frame
_DETECT = "detect"
_MIB = 1 << 20
_BYTES_PER_PIXEL = 2  # of a slot: one and a half are the frame, the rest is the network's
_ROOM = 0.8  # of the free shared memory


class Wish(NamedTuple):
    """What is to be measured."""

    size_wh: tuple[int, int]
    per_camera: float  # detections a second
    model: str | None  # of the lines; None for the faster version of the shipped one
    seconds: float  # no line is begun that would end later


class Bench:
    """Measures this board; `say` is told what comes next."""

    def __init__(self, wish: Wish, say: Callable[[str], None]) -> None:
        self._wish, self._say = wish, say
        self._began_s = time.monotonic()

    def run(self) -> BenchReport:
        """Takes up to two minutes. Raises LineError."""
        folder = Path(tempfile.mkdtemp(prefix="thunderline-bench-"))
        try:
            return self._run(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, folder: Path) -> BenchReport:
        models = self._models()
        clip = folder / "clip.mp4"
        self._say("makes what the cameras send")
        for _ in make_clip(clip, self._wish.size_wh):
            pass
        groups = self._measure_cores(clip, models)
        model = self._choose(groups[0], models)
        share, tries = self._measure_lines(clip, groups, model, models[model])
        enough = [each.cameras for each in tries if each.is_enough]
        cameras = max(enough, default=0)
        return BenchReport(
            board=board_name(),
            size_wh=self._wish.size_wh,
            per_camera=self._wish.per_camera,
            fps=FPS,
            groups=groups,
            tries=tries,
            cameras=cameras,
            is_limit_known=any(t.cameras == cameras + 1 and not t.is_enough for t in tries),
            model=model,
            proposal=Proposal(
                _say_model(model, models), len(share.detect), {_DETECT: list(share.detect)}
            ),
            took_s=time.monotonic() - self._began_s,
        )

    def _models(self) -> dict[str, str]:
        """Paths by name: those that are shipped, and the wanted one."""
        found = {path.stem: str(path) for path in sorted(ZOO.glob("*.onnx"), key=_small_first)}
        if (wanted := self._wish.model) is not None and wanted not in found:
            found[Path(wanted).stem] = find_model(wanted)
        for path in found.values():
            try:
                read_model_metadata(path)
            except ModelFileError as error:
                raise LineError(str(error)) from None
        return found

    def _measure_cores(self, clip: Path, models: dict[str, str]) -> list[CoreGroup]:
        groups = []
        for cores in cluster_cores(Path("/sys"), available_cores()):
            core = cores[-1]
            self._say(f"core {core}: decodes, and runs each network")
            speed = ask(
                CoreSpeed, "stages.line.bench.core_speed", core, clip, _CORE_S, *models.values(),
                timeout_s=_CORE_TIMEOUT_S,
            )  # fmt: skip
            network_ms = {name: speed.network_ms[path] for name, path in models.items()}
            groups.append(CoreGroup(cores, speed.decode_ms, network_ms, speed.share))
        return groups

    def _choose(self, fastest: CoreGroup, models: dict[str, str]) -> str:
        """The name of the model for the lines, as `model: auto` would have it."""
        if (wanted := self._wish.model) is not None:
            return wanted if wanted in models else Path(wanted).stem
        plain = str(shipped_path(SHIPPED_MODEL))
        names = {path: name for name, path in models.items()}
        ms = {path: fastest.network_ms[names[path]] for path in versions_of(plain)}
        return names[pick(plain, ms)]

    def _measure_lines(
        self, clip: Path, groups: Sequence[CoreGroup], model: str, path: str
    ) -> tuple[Share, list[Try]]:
        """One camera first: what it takes tells how to share the cores."""
        per_camera = self._wish.per_camera
        cores = [core for group in groups for core in group.cores]
        share = share_cores(cores, _guess_costs(groups, model, per_camera), per_camera)
        first = self._try_line(clip, share, path, 1)
        if not first.is_enough or first.speed is None:
            return share, [first]
        costs = _measured_costs(groups, model, first.speed)
        share = share_cores(cores, costs, per_camera)

        def run(cameras: int) -> Try:
            return first if cameras == 1 else self._try_line(clip, share, path, cameras)

        tries = search(round(share.cameras), run, self._may_go_on)
        return share, tries if first in tries else [first, *tries]

    def _may_go_on(self) -> bool:
        return time.monotonic() + _LINE_COST_S < self._began_s + self._wish.seconds

    def _try_line(self, clip: Path, share: Share, model: str, cameras: int) -> Try:
        asked = cameras * self._wish.per_camera
        self._say(f"the whole line with {cameras} camera{'s' if cameras > 1 else ''}")
        try:
            self._check_room(cameras)
            config = clip.with_name("line.yaml")
            config.write_bytes(msgspec.json.encode(self._config(clip, share, model, cameras)))
            speed = ask(
                LineSpeed, "stages.line.bench.line_speed", config, _LINE_S,
                timeout_s=_LINE_TIMEOUT_S,
            )  # fmt: skip
        except LineError as error:
            if cameras == 1:
                raise
            return Try(cameras, asked, 0.0, is_enough=False, error=str(error))
        return judge(cameras, self._wish.per_camera, speed)

    def _check_room(self, cameras: int) -> None:
        """A line that fills the shared memory would be killed with whatever else is there."""
        width, height = self._wish.size_wh
        needed = cameras * RingConfig().slots * width * height * _BYTES_PER_PIXEL
        free = shutil.disk_usage(SHM_ROOT).free
        if needed > _ROOM * free:
            raise LineError(
                f"shared memory at {SHM_ROOT}: expected {needed // _MIB} MiB for {cameras} "
                f"cameras, got {free // _MIB} MiB free"
            )

    def _config(self, clip: Path, share: Share, model: str, cameras: int) -> dict[str, Any]:
        """Cameras of a clip: each is decoded whole at its own pace, the newest frame wins."""
        source = {
            "uri": str(clip), "loop": True, "live": True, "realtime": True,
            "fps": self._wish.per_camera, "freeze_s": None,
        }  # fmt: skip
        return {
            "sources": [source] * cameras,
            "model": model,
            "detect": {"replicas": len(share.detect)},
            "cores": {_DETECT: share.detect},
            "publish": {"endpoint": f"ipc://{clip.with_name('results')}"},
            "log": "ERROR",
        }


def _say_model(name: str, models: dict[str, str]) -> str:
    """As a configuration names it: shipped ones have names, others are files."""
    return name if is_shipped(name) else models[name]


def _small_first(model: Path) -> tuple[int, str]:
    """Versions of one network stay together, the one in float first."""
    plain = model.with_stem(model.stem.partition(SUFFIX)[0])
    return (plain if plain.exists() else model).stat().st_size, model.stem


def _guess_costs(groups: Sequence[CoreGroup], model: str, per_camera: float) -> Costs:
    """Before a line has run."""
    network, camera = dict[int, float](), dict[int, float]()
    for group in groups:
        for core in group.cores:
            network[core] = group.network_ms[model]
            camera[core] = group.decode_ms * (FPS + _OTHER_STAGES * per_camera)
    return Costs(network, camera)


def _measured_costs(groups: Sequence[CoreGroup], model: str, speed: LineSpeed) -> Costs:
    """From a line with one camera; other cores are slower by as much as they decode slower.

    It had its cores for itself. Stages that wait less cost less, so it guesses too few cameras.
    """
    results_per_s = sum(speed.results) / speed.seconds
    network_ms = speed.cpu_ms[_DETECT] / results_per_s
    camera_ms = sum(ms for row, ms in speed.cpu_ms.items() if row != _DETECT)
    fastest = groups[0]
    network, camera = dict[int, float](), dict[int, float]()
    for group in groups:
        for core in group.cores:
            network[core] = network_ms * group.network_ms[model] / fastest.network_ms[model]
            camera[core] = camera_ms * group.decode_ms / fastest.decode_ms
    return Costs(network, camera)
