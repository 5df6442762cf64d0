"""What each part loads: a board needs no torch, and the supervisor no vision."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipeline.processes.loading import load_target
from stages.graph import ROWS

SOCKET_FILES = {
    "pipeline/client/__main__.py",
    "pipeline/client/connection.py",
    "pipeline/client/key_files.py",
    "pipeline/keys.py",
    "pipeline/links/async_subscriber.py",
    "pipeline/links/authenticator.py",
    "pipeline/links/broadcast.py",
    "pipeline/links/control.py",
    "pipeline/links/control_client.py",
    "pipeline/links/dispatch.py",
    "pipeline/links/endpoint.py",
    "pipeline/links/link.py",
    "pipeline/links/sockets.py",
    "pipeline/links/stream.py",
}


def sources(repository: Path) -> list[Path]:
    folders = [repository / "pipeline", repository / "stages"]
    return [repository / "run_pipeline.py", *(p for f in folders for p in sorted(f.rglob("*.py")))]


def imported_modules(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, at whatever depth."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def loaded_after(statements: str, repository: Path) -> set[str]:
    """Top-level modules of a fresh interpreter that has run the statements."""
    code = f"{statements}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=repository, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_no_stage_loads_torch_or_the_training_code(repository: Path) -> None:
    names = [
        ".".join(path.relative_to(repository).with_suffix("").parts).removesuffix(".__init__")
        for path in sources(repository)
    ]
    loaded = loaded_after(f"import {', '.join(names)}", repository)
    assert {"pipeline", "stages", "cv2", "onnxruntime", "zmq"} <= loaded
    assert not loaded & {"torch", "models", "onnx", "matplotlib", "pycocotools"}


def test_the_supervisor_loads_no_vision_and_no_runtime(repository: Path) -> None:
    loaded = loaded_after("import run_pipeline", repository)
    assert "pipeline" in loaded
    assert not loaded & {"cv2", "onnxruntime", "torch", "models"}


def test_stages_between_detect_and_the_world_load_no_vision_library(repository: Path) -> None:
    loaded = loaded_after("import stages.postprocess, stages.publish", repository)
    assert not loaded & {"cv2", "onnxruntime"}


def test_each_target_of_the_graph_is_a_class_with_options() -> None:
    for row in ROWS:
        target = load_target(row.target)
        assert isinstance(target, type), row.target
        assert isinstance(getattr(target, "Options", None), type), row.target


def test_zeromq_is_imported_where_sockets_are_made_only(repository: Path) -> None:
    found = {path for path in sources(repository) if "zmq" in imported_modules(path)}
    assert {str(path.relative_to(repository)) for path in found} == SOCKET_FILES


def imported_paths(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports, at whatever depth."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def forbidden_to_services(names: set[str]) -> set[str]:
    ours = {name for name in names if name.split(".")[0] in ("pipeline", "stages", "models")}
    allowed = (
        *("pipeline.client.", "pipeline.logger.", "pipeline.service.", "stages.services."),
        *("stages.kernels.", "stages.slot."),  # what a frame is, and how it is drawn
        *("stages.config.", "stages.events.config."),  # the words of the configuration
    )
    return {name for name in ours if not f"{name}.".startswith(allowed)}


def test_services_import_the_doors_of_the_line_the_kernels_and_each_other(repository: Path) -> None:
    for path in sorted((repository / "stages/services").rglob("*.py")):
        assert forbidden_to_services(imported_paths(path)) == set(), path


def test_forbidden_imports_of_services_are_found(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        "import pipeline.clients\nfrom stages import slots\nfrom pipeline.service import Service\n"
        "from pipeline import client\ndef late():\n    from stages.services.web import app\n"
    )
    assert forbidden_to_services(imported_paths(path)) == {"pipeline.clients", "stages.slots"}


def test_the_contract_of_the_services_names_every_other_module_of_the_machine_room(
    repository: Path,
) -> None:
    settings = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = [c for c in settings["contracts"] if "Services" in c["name"]]
    modules = {
        f"pipeline.{path.stem}"
        for path in (repository / "pipeline").iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.stem.startswith("__")
    }
    left_out = modules - set(contract["forbidden_modules"])
    assert left_out == {"pipeline.client", "pipeline.logger", "pipeline.service"}


def test_processes_are_pinned_in_one_place(repository: Path) -> None:
    calls = [path.name for path in sources(repository) if "sched_setaffinity" in path.read_text()]
    assert calls == ["realtime.py"]
    assert (repository / "pipeline/realtime.py").read_text().count("sched_setaffinity") == 1


def test_nothing_that_a_killed_process_leaves_locked_is_used(repository: Path) -> None:
    users = [path for path in sources(repository) if "multiprocessing" in imported_modules(path)]
    assert users == []


@pytest.mark.parametrize(
    ("folder", "pattern", "marker"),
    [("models", "test_*.py", "torch"), ("benchmarks", "test_bench_*.py", "bench")],
)
def test_files_that_are_left_out_unread_have_the_marker_for_all_their_tests(
    repository: Path, folder: str, pattern: str, marker: str
) -> None:
    """See `pytest_ignore_collect` in conftest.py."""
    files = sorted((repository / "tests" / folder).rglob(pattern))
    assert files
    for path in files:
        assert re.search(rf"^pytestmark = .*pytest\.mark\.{marker}", path.read_text(), re.M), path


def test_packages_say_nothing_in_their_init(repository: Path) -> None:
    # Users say `from client import ...` and `from stages.model import load_detector`.
    spoken = {repository / folder / "__init__.py" for folder in ("pipeline/client", "stages/model")}
    for path in sources(repository):
        if path.name == "__init__.py" and path not in spoken:
            assert path.stat().st_size == 0, path
