"""A detector's training, step by step, within the process of a test."""

from models.train.data import load_training_data
from models.train.recipe import Recipe
from models.train.trainer import Trainer


def train_to(trainer: Trainer, recipe: Recipe, iteration: int) -> None:
    batches = load_training_data(recipe).batches
    while trainer.iteration < iteration:
        trainer.step(batches)
