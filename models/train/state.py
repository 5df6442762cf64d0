"""What a training run is at one iteration, whatever it trains: weights, optimiser and average.

Data order, augmentation and sampling follow from seed and iteration, so a checkpoint holds no
random state, and a resumed run repeats an uninterrupted one bit for bit.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from models.checkpoint import CheckpointError
from models.thundernet.batch_norm import join_batch_norm
from models.thundernet.distributed import own_share
from models.thundernet.native.library import library
from models.train.optimizer import MovingAverage, make_optimizer, set_rate
from models.train.process_group import choose_device
from models.train.recipe import RunRecipe
from models.train.schedule import rate_factor
from models.train.seeded_generator import seeded_generator

AnyRecipe = TypeVar("AnyRecipe", bound=RunRecipe)
AnyModel = TypeVar("AnyModel", bound=nn.Module)
AnyCriterion = TypeVar("AnyCriterion", bound=nn.Module)

RUN_STATE = ("weights", "ema", "criterion", "optimizer")  # shipped checkpoints have `ema` alone


def place(model: AnyModel, device: torch.device) -> AnyModel:
    """The model on the device, its weights in the layout in which convolutions are fastest."""
    move: Callable[..., AnyModel] = model.to  # its types lack memory_format
    return move(device, memory_format=torch.channels_last)


class TrainingState(Generic[AnyRecipe, AnyModel, AnyCriterion]):
    """Model, objective, optimiser, average and the iteration reached."""

    # What the weights depend on, and what therefore may not change on resume.
    DECISIVE: ClassVar[tuple[str, ...]]

    def __init__(self, recipe: AnyRecipe) -> None:
        torch.set_num_threads(recipe.threads)
        library.matrix_unit = recipe.matrix_unit
        torch.manual_seed(recipe.seed)  # initial weights; everything later has its own generator
        self.recipe = recipe
        self.device = choose_device(recipe.device)
        self.share = own_share()
        self.iteration = 0
        self.images_before = 0  # that the weights had seen when the run began
        self.model = place(self.make_model(), self.device)
        if self.share.count > 1:
            join_batch_norm(self.model)
        self.criterion = self.make_criterion().to(self.device)
        self.optimizer = make_optimizer(recipe.optimizer, (self.model, self.criterion))
        self.average = MovingAverage(self.model, recipe.ema_decay)

    def make_model(self) -> AnyModel:
        raise NotImplementedError

    def make_criterion(self) -> AnyCriterion:
        raise NotImplementedError

    def begin(self) -> None:
        """Prepares a run that continues none."""

    def spread(self, objective: nn.Module) -> nn.Module:
        """`objective` with its gradients averaged over processes (Sec. 4.1: synchronised SGD)."""
        if self.share.count == 1:
            return objective
        # Statistics of batch norm are joined already, and alike everywhere.
        return DistributedDataParallel(
            objective, forward_sync_buffers=False, gradient_as_bucket_view=True
        )

    def noise(self) -> torch.Generator:
        """What is random in this iteration on this process; a resumed run draws the same."""
        key = (self.recipe.seed, self.iteration, self.share.rank)
        return seeded_generator(self.device, *key)

    def state(self) -> dict[str, Any]:
        """All that a continuation needs; data order and randomness follow from the iteration."""
        recipe = msgspec.to_builtins(self.recipe)
        return {
            "weights": self.model.state_dict(),
            "ema": self.average.state,
            "criterion": self.criterion.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "meta": {
                "model": recipe["model"],
                "recipe": recipe,
                "iteration": self.iteration,
                "images": self.images_before + self.iteration * self.recipe.batch_size,
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`. What the weights depend on must be as it was; the length of the
        run, its data and its augmentation may change, which is how a run is adapted to its machine.
        """
        missing = [key for key in RUN_STATE if key not in state] + [
            f"meta.{key}" for key in ("recipe", "iteration", "images") if key not in state["meta"]
        ]
        if missing:
            raise CheckpointError(
                "resume: expected the checkpoint of a run, got one to use weights from: "
                f"without {', '.join(missing)}"
            )
        # As a recipe: a key that the schema has gained since the checkpoint counts as its default.
        try:
            then = msgspec.to_builtins(msgspec.convert(state["meta"]["recipe"], type(self.recipe)))
        except msgspec.ValidationError as error:
            raise CheckpointError(f"resume: the checkpoint's recipe: {error}") from error
        now = msgspec.to_builtins(self.recipe)
        changed = [key for key in self.DECISIVE if then[key] != now[key]]
        if changed:
            raise CheckpointError(
                f"resume: the recipe differs from the checkpoint's in {', '.join(changed)}; "
                f"was {[then[key] for key in changed]}, is {[now[key] for key in changed]}"
            )
        self.model.load_state_dict(state["weights"])
        self.criterion.load_state_dict(state["criterion"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["ema"].items():
            self.average.state[name].copy_(value)
        self.iteration = state["meta"]["iteration"]
        self.images_before = state["meta"]["images"] - self.iteration * self.recipe.batch_size

    def update(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Ends the iteration: a step along the gradient. Returns the losses without theirs."""
        self.backward(losses)
        self.move()
        return {name: loss.detach() for name, loss in losses.items()}

    def backward(self, losses: dict[str, Tensor]) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()

    def move(self) -> None:
        """Moves weights and their average along the gradient, and the iteration by one."""
        recipe = self.recipe
        factor = rate_factor(recipe.schedule, self.iteration, recipe.iterations)
        set_rate(self.optimizer, recipe.optimizer.lr * factor)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if recipe.optimizer.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, recipe.optimizer.clip_norm)
        self.optimizer.step()
        self.average.update(self.model, self.iteration)
        self.iteration += 1

    def averaged_model(self) -> AnyModel:
        model = place(self.make_model(), self.device)
        model.load_state_dict(self.average.state)
        model.eval()
        return model
