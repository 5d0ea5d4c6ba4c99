"""Adversarial pictures: each value changed by at most a budget so that the network's loss grows (FGSM and PGD).

FGSM (Goodfellow et al. 2015) takes one step along the sign of the gradient; PGD (Madry et al. 2018) takes several, from
a random start, and returns into the budget after each. The loss is the network's own, the one it was trained by.
Pictures are attacked at the size at which the network sees them, on its canvas, and not rounded to whole numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.evaluation import evaluator
from clearsight.evaluation.judging import about_run
from clearsight.inference.device import best_device
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.ops import views
from clearsight.robustness.conditions import (
    CLEAN,
    Conditions,
    Store,
    described,
    made_with,
    matching,
    paired_with,
)
from clearsight.run import Run
from clearsight.sources import PictureDataset
from clearsight.types import Batch, Evidence, Model, Picture, Prediction, Size, Truth

FOLDER = "attacks"
BUDGETS = (1, 2, 4)  # in steps of 255
STEPS = 10
REACH = 2.5  # the steps of PGD together, in budgets (Madry et al. 2018)
BATCH = 8
ATTACKS = ("FGSM", "PGD")
Images = Float[Tensor, "b 3 h w"]


def fgsm(images: Images, gradient: Callable[[Images], Images], budget: float) -> Images:
    """One step of ``budget`` along the sign of the gradient of the loss, within [0, 1] (Goodfellow et al. 2015)."""
    return (images + budget * gradient(images).sign()).clamp(0, 1)


def pgd(
    images: Images,
    gradient: Callable[[Images], Images],
    budget: float,
    random: torch.Generator,
    steps: int = STEPS,
) -> Images:
    """Steps along the sign of the gradient from a random start, back into the budget after each (Madry et al. 2018)."""
    low, high = (images - budget).clamp(0, 1), (images + budget).clamp(0, 1)
    start = torch.rand(images.shape, generator=random).to(images)
    found = torch.clamp(images + budget * (2 * start - 1), low, high)
    for _ in range(steps):
        found = torch.clamp(found + REACH * budget / steps * gradient(found).sign(), low, high)
    return found


def attackable(run: Run) -> bool:
    """Whether the network's own loss tells how wrong it is about a picture: not where pictures are to be restored."""
    return trained.task_of(run.config).truth_type is not Picture


def judged_under_attack(
    run: Run,
    pictures: PictureDataset,
    clean: Evidence,
    budgets: tuple[int, ...],
    seed: int,
    watch: Callable[[int, int], None],
) -> Conditions:
    """Judge the run on ``pictures``, as they are and under each attack of each budget (in 255ths); see ``Conditions``.

    ``clean`` is other evidence of the same pictures, whose clusters and groups are taken. Raises ValueError where no
    gradient reaches the picture.
    """
    task, store = trained.task_of(run.config), Store(run, FOLDER, pictures.name, pictures.split)
    made = made_with(run, pictures, seed)
    found = matching(store.read(), made)
    wanted: list[tuple[str, int]] = [("none", 0), *((attack, budget) for attack in ATTACKS for budget in budgets)]
    again = sum(_name(*each) in found for each in wanted)
    network = trained.ready(run)
    size_px = int(run.config.settings["training"]["size_px"])
    attacker = Attacker(network, Predictor(network, size_px, device=best_device()), pictures, seed)
    total, done = len(wanted) * len(pictures), 0
    for attack, budget in wanted:
        name = _name(attack, budget)
        if name not in found:
            about = about_run(run) | {"attack": attack, "budget": str(budget)}
            about |= described(name, made, len(pictures), seed)
            one = evaluator.evaluate(
                lambda images, a=attack, b=budget: attacker(images, a, b / 255), task, pictures, about=about,  # type: ignore[misc]
                watch=lambda now, _, start=done: watch(start + now, total), **trained.deployed(run.config),  # type: ignore[misc]
            )  # fmt: skip
            found[name] = paired_with(one, clean)
            store.write(name, found[name])
        done += len(pictures)
        watch(done, total)
    return Conditions(evidence=found, again=again)


def _name(attack: str, budget: int) -> str:
    return CLEAN if attack == "none" else f"{attack.lower()}-{budget}"


@dataclass
class Attacker:
    """Predicts on the pictures of a data set, attacked with the knowledge of their truths."""

    network: Model
    predictor: Predictor
    pictures: PictureDataset
    seed: int

    def __post_init__(self) -> None:
        assert isinstance(self.network, nn.Module)
        self.network.float().eval().requires_grad_(False)

    def __call__(self, images: Iterator[Any], attack: str, budget: float) -> Iterator[Prediction]:
        """One prediction for each picture, in order, under "FGSM", "PGD" or "none"."""
        laid = ((self._canvas(image), index, image) for index, image in enumerate(images))
        for canvas, run in groupby(laid, key=lambda one: one[0]):
            while part := list(islice(run, BATCH)):
                rows, shown = [index for _, index, _ in part], [image for *_, image in part]
                yield from self._predicted(rows, shown, canvas, attack, budget)

    def _canvas(self, image: Tensor) -> Size:
        return views.canvas_for((image.shape[1], image.shape[2]), self.predictor.size_px, self.predictor.multiple)

    def _predicted(
        self, rows: list[int], images: list[Tensor], canvas: Size, attack: str, budget: float
    ) -> list[Prediction]:
        batch, places = self.predictor.laid(images, canvas)
        batch = batch.float()
        given = [self.pictures.records[row].answer() for row in rows]
        truths = [views.placed(truth, canvas, at) for truth, at in zip(given, places, strict=True)]
        if attack != "none":
            batch = self._attacked(batch, truths, places, rows, attack, budget)
        with torch.inference_mode():
            answers = self.network.predict(batch)
            return [views.bring_back(one, at) for one, at in zip(answers, places, strict=True)]

    def _attacked(
        self,
        batch: Images,
        truths: list[Truth],
        places: list[views.Placement],
        rows: list[int],
        attack: str,
        budget: float,
    ) -> Images:
        """The batch attacked where the pictures lie; the padding around them stays."""
        inside = batch.new_zeros(len(batch), 1, *batch.shape[2:])
        for index, at in enumerate(places):
            inside[index, :, : at.placed[0], : at.placed[1]] = 1
        ids = [self.pictures.records[row].id for row in rows]

        def gradient(images: Images) -> Images:
            wanted = images.detach().clone().requires_grad_(True)
            with torch.random.fork_rng(), torch.enable_grad():
                torch.manual_seed(self.seed)
                losses = self.network.losses(Batch(images=wanted, truths=truths, ids=ids, progress=1.0))
                total = wanted.sum() * 0 + sum(loss for loss in losses.values() if loss.requires_grad)
                (found,) = torch.autograd.grad(total, wanted)
            if not bool(found.any()):
                raise ValueError(
                    "no gradient of this network's loss reaches its pictures, so it cannot be attacked in this way. "
                    "Leave attacks out with --tests corruptions,strangers."
                )
            return found * inside

        if attack == "FGSM":
            return fgsm(batch, gradient, budget)
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + rows[0])
        attacked = pgd(batch, gradient, budget, random)
        return torch.where(inside > 0, attacked, batch)
