"""Teachers: networks of other projects, run on one image at a time for their inner maps.

Shapes: S pixels per side; a map has C channels and (h, w) cells.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from torch import Tensor

from models.errors import ConfigError
from models.train.hints.teacher_config import TeacherConfig
from stages.model.detector import LOAD_ERRORS, make_session_options
from stages.model.runtime import errors, ort

RUN_ERRORS = (*LOAD_ERRORS, errors.RuntimeException)

Image = NDArray[np.float32]  # (3, S, S), normalised
Map = NDArray[np.float32]  # (C, h, w)


class Teacher(Protocol):
    def maps(self, image: Image) -> list[Map]: ...


class OnnxTeacher:
    """An ONNX graph that takes one image (1, 3, S, S); inner tensors are made outputs of it."""

    def __init__(self, path: Path, tensors: Sequence[str], threads: int) -> None:
        self.path, self.tensors = path, list(tensors)
        try:
            model = onnx.load(path)
        except DecodeError as error:
            raise ConfigError(f"teacher {path}: expected an ONNX file: {error}") from error
        made = {name for node in model.graph.node for name in node.output}
        check_names(path, tensors, made)
        known = {output.name for output in model.graph.output}
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in dict.fromkeys(tensors) if name not in known
        )
        try:
            self.session = ort.InferenceSession(
                model.SerializeToString(), make_session_options(threads),
                providers=["CPUExecutionProvider"], enable_fallback=0,
            )  # fmt: skip
        except RUN_ERRORS as error:
            raise ConfigError(f"teacher {path}: ONNX Runtime: {error}") from error
        self.input = self.session.get_inputs()[0].name

    def maps(self, image: Image) -> list[Map]:
        try:
            found = self.session.run(self.tensors, {self.input: image[None]})
        except RUN_ERRORS as error:
            raise ConfigError(f"teacher {self.path}: ONNX Runtime: {error}") from error
        return [value[0] for value in found]


class NcnnTeacher:
    """ncnn's form of a network: NAME.param, a text that names its blobs, and NAME.bin."""

    def __init__(self, path: Path, tensors: Sequence[str], threads: int) -> None:
        try:
            import ncnn
        except ImportError as error:
            raise ConfigError(f"teacher {path}: expected ncnn: pip install ncnn") from error
        self.path, self.tensors, self.matrix = path, tensors, ncnn.Mat
        rows = [line.split() for line in path.read_text().splitlines()[2:] if line.strip()]
        check_names(path, tensors, {name for row in rows for name in made_blobs(row)})
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.lightmode = False  # inner blobs are kept until they are asked for
        if self.net.load_param(str(path)) or self.net.load_model(str(path.with_suffix(".bin"))):
            raise ConfigError(f"teacher {path}: ncnn cannot load it and its .bin")
        self.input = self.net.input_names()[0]

    def maps(self, image: Image) -> list[Map]:
        extractor = self.net.create_extractor()
        blob = self.matrix(image).clone()  # a Mat does not keep the array alive
        extractor.input(self.input, blob)
        return [self._extract(extractor, name) for name in self.tensors]

    def _extract(self, extractor: Any, name: str) -> Map:
        code, blob = extractor.extract(name)
        if code:
            raise ConfigError(f"teacher {self.path}: ncnn: blob {name}: error {code}")
        return np.array(blob)


def made_blobs(row: Sequence[str]) -> Sequence[str]:
    """Outputs of a layer: type, name, counts of inputs and outputs, their names, parameters."""
    if len(row) < 4 or not (row[2].isdecimal() and row[3].isdecimal()):
        return ()
    first = 4 + int(row[2])
    return row[first : first + int(row[3])]


def check_names(path: Path, wanted: Sequence[str], found: set[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ConfigError(f"teacher {path}: no tensor {', '.join(missing)}, of {len(found)}")


FORMATS: dict[str, Callable[[Path, Sequence[str], int], Teacher]] = {
    ".onnx": OnnxTeacher,
    ".param": NcnnTeacher,
}


def teacher_files(path: Path) -> list[Path]:
    """Those that a teacher consists of.

    Raises:
        ConfigError: one is missing, or of no known format.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(f"teacher.file: expected one of {', '.join(FORMATS)}, got {path}")
    files = [path, path.with_suffix(".bin")] if path.suffix == ".param" else [path]
    for file in files:
        if not file.is_file():
            raise ConfigError(f"teacher.file: {file}: no such file")
    return files


def open_teacher(config: TeacherConfig, threads: int) -> Teacher:
    path = Path(config.file)
    teacher_files(path)
    return FORMATS[path.suffix](path, [hint.tensor for hint in config.hints], threads)


class Onlooker:
    """A teacher in front of images of any number."""

    def __init__(self, config: TeacherConfig, threads: int) -> None:
        self.config, self.teacher = config, open_teacher(config, threads)
        self.mean = torch.tensor(config.pixel_mean).view(1, 3, 1, 1)
        self.std = torch.tensor(config.pixel_std).view(1, 3, 1, 1)

    def maps(self, images: Tensor) -> list[list[Map]]:
        """By image of (N, 3, S, S) BGR 0 to 255 on the CPU, every map.

        Raises:
            ConfigError: the teacher cannot be run, or has other maps than `config` says.
        """
        normalised = (images - self.mean) / self.std
        found = [self.teacher.maps(image) for image in normalised.contiguous().numpy()]
        for maps in found:
            for hint, each in zip(self.config.hints, maps, strict=True):
                if each.ndim != 3 or len(each) != hint.channels or not np.isfinite(each).all():
                    raise ConfigError(
                        f"teacher {self.config.file}: {hint.tensor}: expected finite maps of "
                        f"{hint.channels} channels (C, h, w), got shape {each.shape}"
                    )
        return found
