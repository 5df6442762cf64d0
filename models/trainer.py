"""The state of a training run, and its step from one iteration to the next.

Data order, augmentation and sampling follow from seed and iteration, so a checkpoint holds no
random state, and a resumed run repeats an uninterrupted one bit for bit.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
import torch
from torch import Tensor

from models.checkpoint import CheckpointError
from models.data.augment import augment
from models.data.batches import Batches
from models.optimizer import MovingAverage, make_optimizer, set_rate
from models.recipe import Recipe
from models.schedule import input_size, rate_factor
from models.thundernet.criterion import Criterion
from models.thundernet.thundernet import ThunderNet


class Trainer:
    """The state of a run: model, objective, optimiser, average and the iteration reached."""

    def __init__(self, recipe: Recipe) -> None:
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)  # initial weights; everything later has its own generator
        self.recipe = recipe
        self.device = torch.device(recipe.device)
        self.iteration = 0
        self.model = ThunderNet(recipe.model).to(self.device, memory_format=torch.channels_last)
        self.criterion = Criterion(self.model, recipe.criterion).to(self.device)
        self.optimizer = make_optimizer(recipe.optimizer, (self.model, self.criterion))
        self.average = MovingAverage(self.model, recipe.ema_decay)
        self.dense = self.model
        if recipe.compile != "no":
            self.criterion.match = torch.compile(self.criterion.match)
        if recipe.compile == "all":
            self.dense = torch.compile(self.model)
            self.criterion.pool_and_classify = torch.compile(self.model.classify)

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
                "images": self.iteration * self.recipe.batch_size,
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`. What the weights depend on must be as it was; the length of the
        run, its data and its augmentation may change, which is how a run is adapted to its machine.
        """
        # As a Recipe: a key that the schema has gained since the checkpoint counts as its default.
        try:
            then = msgspec.to_builtins(msgspec.convert(state["meta"]["recipe"], Recipe))
        except msgspec.ValidationError as error:
            raise CheckpointError(f"resume: the checkpoint's recipe: {error}") from error
        now = msgspec.to_builtins(self.recipe)
        decisive = ("model", "criterion", "optimizer", "batch_size", "seed")
        changed = [key for key in decisive if then[key] != now[key]]
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

    def step(self, batches: Batches) -> dict[str, Tensor]:
        """One iteration; returns its losses, still on the device."""
        recipe = self.recipe
        size = input_size(recipe, self.iteration)
        # Augmentation and sampling depend on seed and iteration alone, so a resumed run repeats.
        generator = torch.Generator(self.device).manual_seed((recipe.seed << 32) + self.iteration)
        batch = batches.batch(self.iteration).to(self.device)
        images, truth = augment(batch, size, self.model.pixel_mean, recipe.augment, generator)
        images = self.model.normalize(images).contiguous(memory_format=torch.channels_last)
        anchors = self.model.anchors(size).to(self.device)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.autocast):
            losses = self.criterion(self.dense(images), anchors, size, truth, generator)
        rate = recipe.optimizer.lr * rate_factor(recipe.schedule, self.iteration, recipe.iterations)
        self.update(torch.stack(list(losses.values())).sum(), rate)
        self.iteration += 1
        return {name: loss.detach() for name, loss in losses.items()}

    def update(self, loss: Tensor, rate: float) -> None:
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, self.recipe.optimizer.clip_norm)
        self.optimizer.step()
        self.average.update(self.model, self.iteration)

    def averaged_model(self) -> ThunderNet:
        model = ThunderNet(self.recipe.model).to(self.device, memory_format=torch.channels_last)
        model.load_state_dict(self.average.state)
        return model.eval()
