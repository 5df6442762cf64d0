"""Events that a line of ours has recorded: what the simulated boards tell."""

import subprocess
import sys
from pathlib import Path

from tests.integration.test_events import street
from tests.running_line import REPOSITORY


def record_events(folder: Path) -> Path:
    """Run a drawn street with zones and a counting line; returns the file of its events."""
    path = folder / "events.jsonl"
    command = [sys.executable, str(REPOSITORY / "run_pipeline.py"), *street(path)]
    command += ["--set", f"publish.endpoint=ipc://{folder}/pub"]
    subprocess.run(command, check=True, capture_output=True)
    assert path.stat().st_size, "the street has events"
    return path
