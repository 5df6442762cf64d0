"""ImageNet-style directories: train/<class>/*.JPEG, val/<class>/*.JPEG."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.data.report import DataError, DataReport

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp")


class LabelledFiles(NamedTuple):
    folder: Path
    names: list[str]  # <class>/<file>
    labels: np.ndarray  # (I,) int64 into the classes

    def path(self, row: int) -> str:
        # Text, not a Path: there are a million, and each is asked for in every pass.
        return f"{self.folder}/{self.names[row]}"


def list_classes(folder: Path) -> list[str]:
    """Names of the class folders, sorted: their order is that of the classifier's outputs."""
    try:
        with os.scandir(folder) as entries:
            classes = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError as error:
        raise DataError(f"{folder}: expected class folders: {error.strerror}") from error
    if not classes:
        raise DataError(f"{folder}: expected one folder per class, found none")
    return classes


def read_split(folder: Path, classes: Sequence[str], report: DataReport) -> LabelledFiles:
    """All images of a split; its class folders must be among `classes`."""
    unknown = sorted(set(list_classes(folder)) - set(classes))
    if unknown:
        raise DataError(
            f"{folder}: expected class folders that train has too, got {', '.join(unknown[:3])}"
        )
    names: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = list_images(folder / name, report)
        if not found:
            report.add("class without images", f"{folder.name}/{name}")
        names += [f"{name}/{file}" for file in found]
        labels += [label] * len(found)
    if not names:
        raise DataError(f"{folder}: expected at least one image, found none")
    return LabelledFiles(folder, names, np.array(labels, np.int64))


def list_images(folder: Path, report: DataReport) -> list[str]:
    """Sorted names of the images in one class folder; none where there is no such folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    images = [name for name in names if name.lower().endswith(SUFFIXES)]
    for name in sorted(set(names) - set(images)):
        report.add("not an image, left out", f"{folder.name}/{name}")
    return images
