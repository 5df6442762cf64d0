"""The pages against the code: keys and defaults, commands, links, and the examples at work."""

import importlib
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pipeline.config_file import build
from run_pipeline import COMMANDS, make_parser
from stages.config import SHIPPED_MODEL, LineConfig
from stages.graph import ROWS
from stages.line.line import check_cores
from tests.conftest import StartLine
from tests.running_line import PATIENCE_S, REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
Configuration = dict[str, list[str]]  # cells of a row, by key

EXAMPLES = REPOSITORY / "docs/examples"
SCHEMA = json.loads(msgspec.json.encode(msgspec.json.schema(LineConfig)))["$defs"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))


def blocks(page: Path, language: str) -> list[str]:
    """Contents of the page's fenced code blocks."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.S | re.M)


# Configuration ----------------------------------------------------------------------------------


def config_keys(struct: str = "LineConfig", path: str = "") -> dict[str, dict[str, Any]]:
    """What the code says of every key, by dotted path; sections themselves are left out."""
    found: dict[str, dict[str, Any]] = {}
    for name, said in SCHEMA[struct]["properties"].items():
        default = said.get("default", "required")
        values = said.get("additionalProperties")  # of a map, whose keys are the user's
        inner = values or said.get("items") or said
        section = inner.get("$ref") or said.get("anyOf", [{}])[0].get("$ref")
        many = "*." if values else ""
        if section:
            found |= config_keys(section.rpartition("/")[2], f"{path}{name}.{many}")
        if not section or inner is not said:
            found[path + name] = {**said, "default": default}
    return found


def documented_keys(page: Path) -> dict[str, list[str]]:
    """Cells (type, default, limits, why) of the tables' rows, by key."""
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in page.read_text().splitlines()]
    rows = [[cell.strip().replace(r"\|", "|") for cell in row] for row in cells if len(row) == 5]
    keyed = [(re.fullmatch(r"`([\w.*]+)`", row[0]), row[1:]) for row in rows]
    return {key[1]: row for key, row in keyed if key}


def limits(said: dict[str, Any]) -> list[str]:
    """Every number, word or pattern that bounds the values of a key."""
    said = said.get("additionalProperties") or said  # of a map: what its values must be
    options = [said, *said.get("anyOf", ()), *([said["items"]] if said.get("items") else ())]
    names = [
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "minLength", "pattern", "minItems", "maxItems",
    ]  # fmt: skip
    found = [option[name] for option in options for name in names if name in option]
    return [str(bound) for bound in found] + [
        str(word) for option in options for word in option.get("enum", ())
    ]


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    return documented_keys(REPOSITORY / "docs/configuration.md")


def test_configuration_page_has_every_key_and_no_more(configuration: Configuration) -> None:
    assert set(configuration) == set(config_keys())


@pytest.mark.parametrize("key", sorted(config_keys()))
def test_configuration_page_has_the_default(configuration: Configuration, key: str) -> None:
    default = config_keys()[key]["default"]
    cell = configuration[key][1].strip("`")
    assert cell == "required" if default == "required" else yaml.safe_load(cell) == default


@pytest.mark.parametrize("key", sorted(config_keys()))
def test_configuration_page_has_the_limits(configuration: Configuration, key: str) -> None:
    for bound in limits(config_keys()[key]):
        assert re.search(rf"(?<![\w.]){re.escape(bound)}(?![\w.])", configuration[key][2]), bound


def test_limits_of_the_code_are_seen() -> None:
    assert limits(config_keys()["detect.replicas"]) == ["1", "64"]
    assert limits(config_keys()["cores"]) == ["0"]
    assert limits(config_keys()["log"]) == ["DEBUG", "ERROR", "INFO", "WARNING"]


def test_configuration_page_names_each_stage_and_service(
    configuration: dict[str, list[str]],
) -> None:
    for row in ROWS:
        assert f"`{row.name}`" in configuration["cores"][3], row.name


@each_page
def test_configurations_on_the_page_are_valid(page: Path) -> None:
    for text in blocks(page, "yaml"):
        if "sources" not in yaml.safe_load(text):
            continue  # of training, or a row of the paper
        check_cores(build(yaml.safe_load(text), LineConfig, page.name))


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "configs/pipeline").glob("*.yaml")), ids=lambda p: p.name
)
def test_shipped_configurations_are_valid(path: Path) -> None:
    check_cores(build(yaml.safe_load(path.read_text()), LineConfig, path.name))


# Commands ---------------------------------------------------------------------------------------


def commands(page: Path) -> list[list[str]]:
    """Words of every command in the page's shell blocks, continued lines joined."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def check_command(words: list[str]) -> None:
    """What a command names must exist: the program, module or target, and its options."""
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    program, arguments = words[0], words[1:]
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.M)
        wanted = [word for word in arguments if "=" not in word and not word.startswith("-")]
        assert set(wanted) <= set(targets), words
    elif re.fullmatch(r"(\.venv/bin/)?python3?", program):
        check_python(arguments)


def check_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        spec = importlib.util.find_spec(arguments[1])
        assert spec is not None, arguments
        if arguments[1].split(".")[0] in ("pipeline", "models"):
            check_options(arguments[1], arguments[2:])
    elif not arguments[0].startswith("-"):
        assert (REPOSITORY / arguments[0]).exists(), arguments
        if arguments[0] == "run_pipeline.py" and arguments[1:2] and arguments[1] in COMMANDS:
            module, _, _ = COMMANDS[arguments[1]].partition(":")
            importlib.import_module(module).make_parser().parse_args(arguments[2:])
        elif arguments[0] == "run_pipeline.py":
            check_line(arguments[1:])


def check_options(module: str, arguments: list[str]) -> None:
    """Options are looked for in the source: importing `models` would take torch."""
    folder = REPOSITORY / module.replace(".", "/")
    paths = folder.glob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    source = "".join(path.read_text() for path in paths)
    for word in arguments:
        if word.startswith("--"):
            assert f'"{word}"' in source, (module, word)


def check_line(arguments: list[str]) -> None:
    options = make_parser().parse_args(arguments)
    for assignment in options.set:
        key = assignment.partition("=")[0]
        cores = {f"cores.{row.name}" for row in ROWS}
        assert key in {*config_keys(), *cores}, f"--set {assignment}"
    assert options.config.exists(), options.config


@each_page
def test_commands_exist(page: Path) -> None:
    for words in commands(page):
        check_command(words)


def test_pages_with_commands_are_read() -> None:
    assert any(words[:2] == ["make", "test"] for words in commands(REPOSITORY / "README.md"))


@pytest.mark.parametrize(
    "command",
    [
        "make tset",
        ".venv/bin/python -m pipeline.customer tcp://x",
        ".venv/bin/python -m pipeline.client tcp://x --jsom",
        ".venv/bin/python docs/examples/none.py",
        ".venv/bin/python run_pipeline.py --set ring.slot=4",
    ],
)
def test_wrong_commands_are_found(command: str) -> None:
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        check_command(command.split())


# Links and code ---------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings can be reached by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in kept}


@each_page
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if fragment:
            assert fragment in anchors(linked), f"{page.name}: {target}"


@each_page
def test_json_on_the_page_is_json(page: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)


@each_page
def test_python_on_the_page_imports_what_exists(page: Path) -> None:
    for text in blocks(page, "python"):
        compile(text, str(page), "exec")
        for module, names in re.findall(r"^from ([\w.]+) import ([\w, ]+)$", text, re.M):
            where = "pipeline.client" if module == "client" else module  # a copy, as the text says
            found = importlib.import_module(where)
            for name in names.split(", "):
                assert hasattr(found, name), f"{module}.{name}"


# Examples ---------------------------------------------------------------------------------------


SCENE = "scene://street?seed=7&width=320&height=240"
CROSSED = f"sources=[{{uri: '{SCENE}', lines: {{middle: {{from: [0.5, 1], to: [0.5, 0]}}}}}}]"


@pytest.mark.parametrize(
    ("example", "expected", "line_arguments"),
    [
        ("print_detections.py", r"cam0 \d+: (nothing|\w+ \d)", ["--source", SCENE]),
        ("newest_only.py", r"\d+ [\d.]+ ms", ["--source", SCENE]),
        (
            "count_crossings.py",
            r"cam0 middle: (in|out) \d+(, (in|out) \d+)? \(now a \w+\)",
            ["--set", CROSSED, "--set", "track.enabled=true", "--model", SHIPPED_MODEL],
        ),
    ],
)
def test_example_prints_what_a_line_sees(
    start_line: StartLine, example: str, expected: str, line_arguments: list[str]
) -> None:
    line = start_line(*line_arguments)
    line.wait_for_messages(1)  # an example gives up when nothing comes for some seconds
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    words = [sys.executable, str(EXAMPLES / example), endpoint, "cam0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        rows = [client.stdout.readline() for _ in range(3)]
        client.terminate()
        client.wait(PATIENCE_S)
    assert any(re.match(expected, row) for row in rows), rows
