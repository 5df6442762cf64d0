"""Training on VOC and COCO directories, from their files to a checkpoint with scores."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.checkpoint import read_checkpoint
from models.data.batches import Batches
from models.data.voc import CLASSES
from models.errors import ConfigError
from models.train.command import EXIT_REFUSED, main
from models.train.data import load_training_data
from models.train.recipe import load_recipe
from models.train.schedule import input_size
from tests.models.tiny_coco import write_coco
from tests.models.tiny_voc import write_voc

pytestmark = pytest.mark.torch

CAR = ("car", 21, 21, 60, 60)
SMALL_RUN = {
    "iterations": 2,
    "batch_size": 2,
    "multi_scale": [80, 96],  # 80: an odd number of cells, as the paper's 240
    "threads": 1,
    "log_every": 1,
    "validate_every": 2,
}


def shrink(recipe: Path, folder: Path, data: dict[str, Any], **changes: Any) -> Path:
    """A shipped recipe made small enough for a test; everything else stays as it is shipped."""
    whole = msgspec.yaml.decode(recipe.read_bytes()) | SMALL_RUN | changes | {"device": "cpu"}
    whole["model"] |= {"input_size": 64}
    whole["data"] |= {"cache": str(folder / "cache"), "image_size": 96} | data
    path = folder / recipe.name
    path.write_bytes(msgspec.yaml.encode(whole))
    return path


@pytest.fixture
def voc_data(tmp_path: Path) -> dict[str, Any]:
    both = {"000001": [CAR, ("person?", 70, 10, 95, 70)], "000002": [("dog", 5, 5, 50, 50)]}
    splits = []
    for year, split, images in (
        ("VOC2007", "trainval", both),
        ("VOC2012", "trainval", {"2008_000001": [CAR], "2008_000002": []}),
        ("VOC2007", "test", {"000003": [CAR], "000004": [("tank", 1, 1, 9, 9)]}),
    ):
        folder = write_voc(tmp_path / year, split, images)
        splits.append({"kind": "voc", "folder": str(folder), "split": split})
    return {"train": splits[:2], "val": splits[2]}


@pytest.mark.parametrize("name", ["snet49_voc", "snet49_voc_random512"])
def test_two_iterations_on_voc(
    name: str,
    tmp_path: Path,
    voc_data: dict[str, Any],
    repository: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = shrink(repository / f"configs/train/{name}.yaml", tmp_path, voc_data)
    (tmp_path / "VOC2012/JPEGImages/2008_000002.jpg").unlink()
    out = tmp_path / "run"
    assert main([str(recipe), "--out", str(out)]) == 0
    state = read_checkpoint(out / "last.pt")
    assert state["meta"]["iteration"] == 2
    assert tuple(state["meta"]["model"]["labels"]) == CLASSES
    assert (out / "val.csv").read_text().startswith("iteration,ap50,ap,ap50/all\n2,")
    rows = (out / "train.csv").read_text().splitlines()
    assert len(rows) == 3
    error = capsys.readouterr().err
    assert "data: box of an unknown category: 1 (000004 'tank')" in error
    assert (
        "data: image missing, unreadable or of another size: 1 (JPEGImages/2008_000002.jpg)"
        in error
    )


def test_batches_draw_from_every_year(
    tmp_path: Path, voc_data: dict[str, Any], repository: Path
) -> None:
    recipe = shrink(repository / "configs/train/snet49_voc.yaml", tmp_path, voc_data)
    data = load_training_data(load_recipe(recipe))
    assert isinstance(data.batches, Batches)
    names = [name for part in data.batches.sets for name in part.names]
    drawn = [row for iteration in range(2) for row in data.batches.rows(iteration)]
    assert [names[row][-15:] for row in sorted(drawn)] == [
        "ages/000001.jpg",
        "ages/000002.jpg",
        "2008_000001.jpg",
        "2008_000002.jpg",
    ]
    assert [image.file_name for image in data.val_set.images] == data.val.names


def test_one_iteration_on_coco(tmp_path: Path, repository: Path) -> None:
    car = {"image_id": 7, "category_id": 3, "bbox": [10, 20, 60, 40]}
    path = write_coco(tmp_path / "coco", [car])
    split = {"kind": "coco", "annotations": str(path), "images": str(path.parent / "images")}
    recipe = shrink(
        repository / "configs/train/snet49_coco.yaml",
        tmp_path,
        {"train": [split], "val": split},
        iterations=1,
        validate_every=1,
        model={"labels": ["car", "person"]},
    )
    assert main([str(recipe), "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run/val.csv").read_text().startswith("iteration,ap50,ap,ap50/all\n1,")


def test_sizes_are_drawn_anew_and_repeat_with_the_seed(
    tmp_path: Path, voc_data: dict[str, Any], repository: Path
) -> None:
    recipe = load_recipe(repository / "configs/train/snet49_voc.yaml")
    sizes = [input_size(recipe, iteration) for iteration in range(300)]
    assert sizes == [input_size(recipe, iteration) for iteration in range(300)]
    counts = np.unique(sizes, return_counts=True)
    assert counts[0].tolist() == [240, 320, 480]
    assert counts[1].min() > 70


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"val": None}, "expected both of train and val, or none of them"),
        ({"train": []}, "expected both of train and val, or none of them"),
        ({"val": {"kind": "pascal"}}, "Invalid value 'pascal'"),
        ({"val": {"kind": "voc", "folder": "x"}}, "missing required field `split`"),
    ],
)
def test_recipes_that_name_half_a_directory(
    tmp_path: Path,
    voc_data: dict[str, Any],
    repository: Path,
    data: dict[str, Any],
    message: str,
) -> None:
    shipped = repository / "configs/train/snet49_voc.yaml"
    with pytest.raises(ConfigError, match=message):
        load_recipe(shrink(shipped, tmp_path, voc_data | data))


def test_a_directory_that_is_not_there_ends_with_one_line(
    tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = repository / "configs/train/snet49_voc.yaml"
    nowhere = {"kind": "voc", "folder": str(tmp_path / "VOC2007"), "split": "trainval"}
    recipe = shrink(shipped, tmp_path, {"train": [nowhere], "val": nowhere})
    assert main([str(recipe), "--out", str(tmp_path / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert "ImageSets/Main/trainval.txt: expected a VOC image list" in error
    assert "Traceback" not in error


def test_shipped_recipes_are_the_paper_s(repository: Path) -> None:
    for backbone in ("snet49", "snet146", "snet535"):
        for data, iterations, classes in (("voc", 62_500, 20), ("coco", 375_000, 80)):
            recipe = load_recipe(repository / f"configs/train/{backbone}_{data}.yaml")
            assert recipe.model.backbone == backbone
            assert (recipe.iterations, recipe.batch_size) == (iterations, 64)
            assert len(set(recipe.model.labels)) == classes
            assert recipe.model.anchor_scales == (32, 64, 128, 256, 512)
            assert (recipe.optimizer.lr, recipe.optimizer.weight_decay) == (0.01, 1e-4)
            assert recipe.criterion.hard_examples
            assert recipe.criterion.rois_per_image == 256
            assert (recipe.criterion.post_nms_top_n, recipe.model.post_nms_top_n) == (2000, 200)
            assert (recipe.optimizer.name, recipe.optimizer.momentum) == ("sgd", 0.9)
            assert (recipe.schedule.kind, recipe.schedule.milestones) == ("step", (0.5, 0.75))
            assert recipe.multi_scale == (240, 320, 480)


def test_the_random_baseline_differs_in_how_rois_are_drawn_alone(repository: Path) -> None:
    paper, baseline = (
        load_recipe(repository / f"configs/train/{name}.yaml")
        for name in ("snet49_voc", "snet49_voc_random512")
    )
    drawn = baseline.criterion
    assert (drawn.hard_examples, drawn.rois_per_image, drawn.post_nms_top_n) == (False, 512, 2000)
    assert msgspec.structs.replace(baseline, criterion=paper.criterion) == paper


def test_validation_images_of_which_none_is_there_are_refused_first(
    tmp_path: Path,
    voc_data: dict[str, Any],
    repository: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = shrink(repository / "configs/train/snet49_voc.yaml", tmp_path, voc_data)
    for path in (tmp_path / "VOC2007/JPEGImages").glob("00000[34].jpg"):
        path.unlink()
    out = tmp_path / "run"
    assert main([str(recipe), "--out", str(out)]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert f"expected at least one readable image in {tmp_path / 'VOC2007'}: " in error
    assert not (out / "last.pt").exists()
