"""Run a line: cameras in, detections out.

    python run_pipeline.py                                    the drawn street, as configured
    python run_pipeline.py --source rtsp://user:pw@cam/1      a camera of yours
    python run_pipeline.py gate.yaml --check                  look, and start nothing
    python run_pipeline.py --source clip.mp4 --set record.video=out/clip.mp4
    python run_pipeline.py --draw-zones out/gate.png          on the first frame of the source

Words instead of a file, each with a --help of its own:

    python run_pipeline.py cameras [--onvif]                  of this machine, of its networks
    python run_pipeline.py detect IMAGE... [--json]           image files, without a line
    python run_pipeline.py bench                              how fast this machine is

SIGHUP has a running line read its configuration again, with the same options: what may change is in
docs/configuration.md. SIGUSR1 has it keep a clip of each camera, from some seconds ago on.

Exit codes: 0 the sources ended, the time was up, or Ctrl-C; 1 a process failed for good;
2 the configuration, a file or the machine is not as it must be, and nothing was run; 130 Ctrl-C
where nothing runs, as in --check and --draw-zones.
"""

import argparse
import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

from pipeline.processes import environment  # noqa: F401 - before numpy

# isort: split
from pipeline import log
from pipeline.errors import LineError
from pipeline.links.endpoint import check_endpoint
from pipeline.log import say, say_error
from pipeline.memory.ledger import Ledger
from pipeline.memory.report import Report
from pipeline.memory.roster import Roster
from pipeline.memory.run_dir import RunDir
from pipeline.memory.vital_sign import VitalSign
from pipeline.processes.command_line import hide_arguments, learn_arguments
from pipeline.processes.service_manager import ServiceManager
from pipeline.processes.signals import Signals
from pipeline.processes.supervisor import Supervisor
from pipeline.redact import forget, redact
from stages.config import LineConfig
from stages.line.configuration.changes import Changes
from stages.line.configuration.config_source import CommandLine, ConfigReading, ConfigSource
from stages.line.line import Line
from stages.line.status_line import StatusLine
from stages.line.zone_pictures import draw_zones
from stages.readers.v4l2.camera_list import describe_cameras
from stages.recording.claims import Claims
from stages.recording.clip_signal import ask_for_clips
from stages.recording.last_films import finish_last_films
from stages.recording.outputs import find_written

DEFAULT_CONFIG = Path(__file__).parent / "configs/pipeline/default.yaml"
# Words instead of a configuration. Their modules load what no line needs here.
COMMANDS = {
    "detect": "stages.line.image_command:detect_images",
    "bench": "stages.line.bench.command:main",
    "cameras": "stages.line.camera_command:list_cameras",
}

CHECK_HELP = """Check a configuration, start nothing.

    thunderline check gate.yaml
    thunderline check --source rtsp://user:pw@cam/1 --set record.video=out/clip.mp4

All that a run needs is looked at: files, model and machine, and each source is opened.

Exit codes: 0 everything is in order; 2 something is not as it must be; 130 Ctrl-C.
"""

EXIT_OK, EXIT_REFUSED = 0, 2
EXIT_INTERRUPTED = 130  # as a shell says of SIGINT


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


class Parser(argparse.ArgumentParser):
    """Refuses arguments without repeating a password that they hold."""

    def error(self, message: str) -> NoReturn:
        super().error(redact(message))


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.description = CHECK_HELP if parser.prog.endswith(" check") else __doc__
    parser.add_argument("config", nargs="?", type=Path, default=DEFAULT_CONFIG, help="YAML file")
    parser.add_argument(
        "--source", action="append", metavar="URI", help="instead of the configured; repeatable"
    )
    parser.add_argument("--model", metavar="FILE", help="made by models.export or models.adopt")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. ring.slots=12"
    )
    parser.add_argument("--duration", type=positive, metavar="S", help="stop after so many seconds")
    parser.add_argument("--check", action="store_true", help="check everything, start nothing")
    parser.add_argument(
        "--draw-zones", metavar="IMAGE", help="draw zones and lines on a first frame, and stop"
    )
    parser.add_argument(
        "--list-cameras", action="store_true", help="show this machine's cameras as configuration"
    )
    return parser


def find_source(options: argparse.Namespace) -> ConfigSource:
    """The file and the command line that make the configuration."""
    command_line = CommandLine(tuple(options.source or ()), options.model, tuple(options.set))
    return ConfigSource(options.config, command_line, is_named=options.config is not DEFAULT_CONFIG)


def load_config(options: argparse.Namespace) -> LineConfig:
    """The file's content under what the command line says."""
    return find_source(options).read().config


def describe_plan(line: Line) -> str:
    """Which process runs on which core, and which cores are shared."""
    cores = sorted({process.core for process in line.processes})
    by_core = {c: [p.name for p in line.processes if p.core == c] for c in cores}
    rows = [f"core {core}: {', '.join(names)}" for core, names in by_core.items()]
    if len(cores) < len(line.processes):
        rows.append(f"{len(line.processes)} processes share {len(cores)} cores")
    return "\n".join(rows)


class Ended(NamedTuple):
    """How a run went, and the files that it has written."""

    exit_code: int
    written: tuple[Path, ...]


def run(line: Line, source: ConfigSource, first: ConfigReading, signals: Signals) -> Ended:
    """Start everything, watch it, stop it, and say how it went.

    `first` is what the source says, of which the line was made.
    """
    claims = Claims(line.outputs)
    exit_code = EXIT_REFUSED
    try:
        check_endpoint(line.config.publish.endpoint)
        run_dir = RunDir()
        try:
            exit_code = supervise(line, source, first, run_dir, claims, signals)
            folder = line.config.record.folder
            if folder is not None:
                finish_last_films(Path(folder))
            ended = Ended(exit_code, find_written(line.config, run_dir.path))
        finally:
            run_dir.remove()
    finally:
        claims.close(ran=exit_code == EXIT_OK)
    return ended


def supervise(
    line: Line,
    source: ConfigSource,
    first: ConfigReading,
    run_dir: RunDir,
    claims: Claims,
    signals: Signals,
) -> int:
    """Run the processes of the line; returns the exit code."""
    ledger = Ledger.create(run_dir.path, *line.most)
    spec = line.run_spec(run_dir, os.getpid())
    report = Report(Roster(spec), ledger)
    # Before any process that would inherit what it is told.
    manager = ServiceManager(report, VitalSign(run_dir.path))
    supervisor = Supervisor(spec, ledger, line.config.log)
    changes = Changes(line, source, first, run_dir.path, supervisor.reconfigure, claims)
    status = StatusLine(report)

    def tick() -> None:
        if signals.stopped():  # by the end of its terminal, perhaps: the status line has no place
            return
        claims.follow()
        if (marked_ns := signals.take_mark()) is not None:
            ask_for_clips(line.config.record.folder, marked_ns)
        # One after the other: what cannot be taken now is taken later.
        changes.turn(reload=not supervisor.is_changing and signals.take_reload())
        manager.look(supervisor.is_ready)
        if not manager.is_listening:  # it shows the state itself; the journal would be full of it
            status()

    try:
        supervisor.watch(signals.stopped, tick, changes.news)
    finally:
        manager.stopping()
        changes.close()
        supervisor.stop()
    say(f"\n{report.summary(supervisor.restarts)}")
    return supervisor.exit_code


def describe_output(line: Line, written: Sequence[Path], *, with_recall: bool) -> str:
    """What the run has left behind, and what is drawn on it, which takes some seconds."""
    from stages.recording.recall import (
        describe_recall,  # draws the scene again: not needed while it runs
    )

    rows = [f"wrote {path} ({path.stat().st_size} bytes)" for path in written if path.exists()]
    jsonl = line.config.record.jsonl
    if with_recall and jsonl is not None and Path(jsonl) in written:
        rows += describe_recall(line.config)
    return "\n".join(rows)


def run_command(target: str, arguments: Sequence[str]) -> int:
    """Run what another module has for a word; returns its exit code."""
    module, _, function = target.partition(":")
    command: Callable[[Sequence[str]], int] = getattr(import_module(module), function)
    return command(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    forget()
    learn_arguments(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        hide_arguments()
        arguments = sys.argv[1:]
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments and arguments[0] in COMMANDS:
        return run_command(COMMANDS[arguments[0]], arguments[1:])
    options = make_parser().parse_args(arguments)
    log.configure("INFO", "run")
    if options.list_cameras:
        say("\n".join(describe_cameras()))
        return EXIT_OK
    try:
        source = find_source(options)
        first = source.read()
        line = Line(first.config, source.path)
        log.configure(line.config.log, "run")
        if options.draw_zones is not None:
            for path in draw_zones(line, options.draw_zones):
                say(f"wrote {path} ({path.stat().st_size} bytes)")
            return EXIT_OK
        say(describe_plan(line))
        if options.check:
            line.probe()
            say("everything is in order; nothing was started")
            return EXIT_OK
        signals = Signals(options.duration)
        code, written = run(line, source, first, signals)
        say(describe_output(line, written, with_recall=not signals.was_terminated))
    except LineError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    except KeyboardInterrupt:  # a run has a handler of its own
        say_error("interrupted")
        return EXIT_INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(log.run_command(main))
