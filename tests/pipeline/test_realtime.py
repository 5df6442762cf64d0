import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import LineError
from pipeline.realtime import available_cores, pin_to_core
from tests.running_line import wait_until


def run_python(code: str) -> str:
    imports = "import gc, os, threading; from pipeline.realtime import *;"
    done = subprocess.run(
        [sys.executable, "-c", imports + code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_pinned_process_and_its_later_threads_run_on_one_core() -> None:
    core = available_cores()[-1]
    code = (
        f"pin_to_core({core}); seen = [];"
        "t = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)));"
        "t.start(); t.join(); print(os.sched_getaffinity(0), seen[0])"
    )
    assert run_python(code) == f"{{{core}}} {{{core}}}"


def test_a_core_that_does_not_exist_is_refused_with_those_that_do() -> None:
    cores = ", ".join(map(str, available_cores()))
    with pytest.raises(
        LineError, match=rf"cannot pin to core 4095: .*; available cores are {cores}"
    ):
        pin_to_core(4095)


def test_a_process_bears_its_name() -> None:
    assert run_python(
        "name_process('capture.front-door'); print(open('/proc/self/comm').read())"
    ) == (
        "capture.front-d"  # the kernel keeps 15 bytes
    )


def test_the_collector_stays_off_once_it_is_frozen() -> None:
    assert gc.isenabled()
    assert (
        run_python("freeze_gc(); print(gc.isenabled(), gc.get_freeze_count() > 0)") == "False True"
    )


def test_a_process_dies_with_its_parent_whatever_killed_that() -> None:
    child = (
        "import os, time; from pipeline.realtime import *;"
        "die_with_parent(os.getppid()); print('ready', flush=True); time.sleep(600)"
    )
    parent = (
        "import subprocess, sys, time;"
        f"c = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE);"
        "c.stdout.readline(); print(c.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
        process.wait()
        wait_until(lambda: not is_running(pid), "the child is gone")


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_whose_parent_is_gone_already_ends_itself() -> None:
    code = f"from pipeline.realtime import *; die_with_parent({os.getpid() + 10**6})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
