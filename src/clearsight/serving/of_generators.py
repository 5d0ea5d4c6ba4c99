"""A trained generator served: pictures by a seed, a truncation and a class."""

from pathlib import Path

from clearsight.generation import sheets
from clearsight.generation.asking import labels_for
from clearsight.generation.sampling import CHUNK, sampled
from clearsight.loading import trained
from clearsight.loading.made_by import made_by
from clearsight.run import Run
from clearsight.serving.of_runs import about, card_of
from clearsight.serving.served import Wish

MOST_TRUNCATION = 2.0
MOST_SEED = 2**31 - 1


class ServedGenerator:
    """Makes pictures with a run, held in memory."""

    def __init__(self, run: Run | str | Path) -> None:
        """Raises ValueError for a run without weights, or where generated files cannot be signed."""
        self.run = trained.opened(run)
        self.network = trained.ready(self.run)
        if self.network.config.made_from is not None:
            raise ValueError(
                f"{self.run.path} makes pictures from label maps or from other pictures, which a served generator is "
                "not given. Expected one that makes them from noise alone. Make its pictures with "
                f"`clearsight sample {self.run.path} --from PATH`."
            )
        self.asks_classes = bool(self.run.config.settings["model"].get("conditional"))
        self.origin = made_by(self.run)
        self.about = about(self.run, card_of(self.run))

    def make(self, wish: Wish) -> bytes:
        """A PNG file of the pictures side by side; raises ValueError for what cannot be made."""
        for name, value, least, most in (
            ("seed", wish.seed, 0, MOST_SEED), ("count", wish.count, 1, CHUNK),
            ("truncation", wish.truncation, 0.01, MOST_TRUNCATION),
        ):  # fmt: skip
            if not least <= value <= most:
                raise ValueError(f"{name} is {value:g}. Expected {least:g} to {most:g}.")
        labels = labels_for(self.run, [wish.label] if wish.label else [], wish.count)
        made = sampled(self.network, wish.count, wish.seed, truncation=wish.truncation, classes=labels)
        told = {**self.origin, "seed": wish.seed, "truncation": wish.truncation, "class": wish.label}
        return sheets.png(sheets.grid(made), {**told, "pictures": wish.count})
