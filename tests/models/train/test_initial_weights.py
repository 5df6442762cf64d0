"""The backbone of one checkpoint in another network: what fits, and what is refused."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from models import weights
from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.thundernet.classifier import Classifier, ClassifierConfig
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from models.train.command import EXIT_REFUSED, main
from models.train.hints.recipe import HintsRecipe
from models.train.initial_weights import load_initial_weights
from models.train.recipe import Recipe
from models.train.task import read_recipe
from tests.models.recipes import write_recipe
from tests.models.tiny_street11 import write_split
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

FROM_ZOO = "\ninitial_weights: models/zoo/"
IMAGES = 1000  # that a shipped network was trained on


def write_classifier(path: Path, **changes: Any) -> Classifier:
    fields: dict[str, Any] = {"backbone": "snet49", "num_classes": 5} | changes
    config = ClassifierConfig(**fields)
    model = Classifier(config)
    average = {name: value + 1 for name, value in model.state_dict().items()}
    meta = {"model": msgspec.to_builtins(config)}
    save_checkpoint(path, {"weights": model.state_dict(), "ema": average, "meta": meta})
    return model


def test_the_averaged_backbone_is_loaded_and_nothing_else(tmp_path: Path) -> None:
    classifier = write_classifier(tmp_path / "last.pt")
    model = ThunderNet(ThunderNetConfig())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count, images = load_initial_weights(model, model.config, tmp_path / "last.pt")
    assert images == 0, "of another network"
    assert count == len(classifier.backbone.state_dict())
    for name, value in model.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(value, classifier.state_dict()[name] + 1), name
        else:
            assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "snet146"}, "expected model.backbone snet49, got snet146"),
        ({"balanced_downsampling": False}, "expected model.balanced_downsampling True, got False"),
        ({"pixel_std": (1.0, 1.0, 1.0)}, r"expected model.pixel_std .* got \(1.0, 1.0, 1.0\)"),
    ],
)
def test_another_backbone_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_classifier(tmp_path / "last.pt", **changes)
    model = ThunderNet(ThunderNetConfig())
    with pytest.raises(CheckpointError, match=message):
        load_initial_weights(model, model.config, tmp_path / "last.pt")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ema: ema.pop("backbone.conv1.0.weight"), "only on one side: conv1.0.weight"),
        (
            lambda ema: ema.update({"backbone.conv1.0.weight": torch.zeros(1)}),
            r"conv1.0.weight: expected shape \(24, 3, 3, 3\), got \(1,\)",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, spoil: Any, message: str) -> None:
    write_classifier(tmp_path / "last.pt")
    state = read_checkpoint(tmp_path / "last.pt")
    spoil(state["ema"])
    save_checkpoint(tmp_path / "last.pt", state)
    model = ThunderNet(ThunderNetConfig())
    with pytest.raises(CheckpointError, match=message):
        load_initial_weights(model, model.config, tmp_path / "last.pt")


def write_detector(path: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """A detector's checkpoint as shipped ones are, with its average alone; returns that."""
    model = ThunderNet(ThunderNetConfig(**changes))
    average = {name: value + 1 for name, value in model.state_dict().items()}
    meta = {"model": msgspec.to_builtins(model.config), "images": IMAGES}
    save_checkpoint(path, {"ema": average, "meta": meta})
    return average


def test_a_whole_network_is_loaded(tmp_path: Path) -> None:
    average = write_detector(tmp_path / "shipped.pt")
    model = ThunderNet(ThunderNetConfig())
    loaded = load_initial_weights(model, model.config, tmp_path / "shipped.pt", "network")
    assert loaded == (len(average), IMAGES)
    for name, value in model.state_dict().items():
        assert torch.equal(value, average[name]), name


def test_a_network_for_images_of_another_size_is_loaded(tmp_path: Path) -> None:
    average = write_detector(tmp_path / "shipped.pt", input_size=320)
    model = ThunderNet(ThunderNetConfig(input_size=352))
    load_initial_weights(model, model.config, tmp_path / "shipped.pt", "network")
    assert model.config.input_size == 352
    for name, value in model.state_dict().items():
        assert torch.equal(value, average[name]), name


def recipes_of_shipped_weights() -> list[Path]:
    folder = REPOSITORY / "configs/train"
    return [path for path in sorted(folder.glob("*.yaml")) if FROM_ZOO in path.read_text()]


@pytest.mark.parametrize("path", recipes_of_shipped_weights(), ids=lambda path: path.stem)
def test_a_recipe_takes_the_shipped_weights_that_it_names(path: Path) -> None:
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe | HintsRecipe)
    model = ThunderNet(recipe.model)
    assert recipe.initial_weights is not None
    weights = REPOSITORY / recipe.initial_weights
    loaded = load_initial_weights(model, recipe.model, weights, recipe.initial_part)
    assert loaded.images > 0


def test_a_whole_network_comes_from_its_like_alone(tmp_path: Path) -> None:
    write_detector(tmp_path / "other.pt", anchor_ratios=(0.5, 1.0, 2.0))
    write_classifier(tmp_path / "classifier.pt")
    model = ThunderNet(ThunderNetConfig())
    with pytest.raises(
        CheckpointError, match=r"expected model.anchor_ratios .* got \(0.5, 1.0, 2.0\)"
    ):
        load_initial_weights(model, model.config, tmp_path / "other.pt", "network")
    with pytest.raises(CheckpointError, match=r"classifier.pt: expected model\."):
        load_initial_weights(model, model.config, tmp_path / "classifier.pt", "network")


def test_a_run_starts_with_it_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = write_classifier(tmp_path / "classifier.pt")
    for split in ("train", "val"):
        write_split(tmp_path / "data", split, 2)
    still = {"name": "sgd", "lr": 0.0}
    recipe = write_recipe(
        tmp_path,
        iterations=1,
        optimizer=still,
        ema_decay=0.0,
        initial_weights=str(tmp_path / "classifier.pt"),
    )
    out = tmp_path / "run"
    assert main([str(recipe), "--out", str(out)]) == 0
    count = len(classifier.backbone.state_dict())
    assert f"initial weights: {count} tensors of the backbone from" in capsys.readouterr().err
    name = "backbone.stage4.3.branch.5.weight"
    weights = read_checkpoint(out / "last.pt")["weights"]
    assert torch.equal(weights[name], classifier.state_dict()[name] + 1)

    (tmp_path / "classifier.pt").unlink()  # a continuation does not need it
    resume = ["--resume-from", str(out / "last.pt")]
    assert main([str(recipe), "--out", str(out), *resume]) == 0
    assert main([str(recipe), "--out", str(tmp_path / "new")]) == EXIT_REFUSED
    assert "classifier.pt: No such file or directory" in capsys.readouterr().err


def test_a_run_goes_on_from_what_a_run_has_shipped(tmp_path: Path) -> None:
    """Through `models.weights`; images are counted from the first run on."""
    for split in ("train", "val"):
        write_split(tmp_path / "data", split, 2)
    first = tmp_path / "first" / "last.pt"
    assert main([str(write_recipe(tmp_path, iterations=3)), "--out", str(first.parent)]) == 0
    shipped = tmp_path / "shipped.pt"
    assert weights.main([str(first), str(shipped)]) == 0
    state = read_checkpoint(shipped)
    assert state.keys() == {"format", "ema", "meta"}
    assert str(tmp_path) not in str(state["meta"]), "no folder of this machine"

    start = {"initial_weights": str(shipped), "initial_part": "network"}
    recipe = write_recipe(tmp_path, "on.yaml", iterations=2, seed=1, **start)
    last = tmp_path / "on" / "last.pt"
    for resume in ([], ["--resume-from", str(last)]):
        assert main([str(recipe), "--out", str(last.parent), *resume]) == 0
        assert read_checkpoint(last)["meta"]["images"] == (3 + 2) * 2


def test_what_is_no_checkpoint_does_not_ship(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert weights.main([str(tmp_path / "none.pt"), str(tmp_path / "out.pt")]) == 1
    assert "weights: " in capsys.readouterr().err
    assert not (tmp_path / "out.pt").exists()
