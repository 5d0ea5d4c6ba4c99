"""An exported detector served without torch."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from clearsight.exported import Found, load_exported
from clearsight.ops.mask_pasting import numbered
from clearsight.prediction.exported import drawn, rows_of
from clearsight.serving.served import About, Answer, Pixels
from clearsight.serving.words import found_objects, of_objects


class ServedExport:
    """Answers pictures one by one, which is how exported models take them."""

    def __init__(self, path: str | Path) -> None:
        self.detector = load_exported(path)
        one = self.detector.description
        run = str(one.run.get("name") or Path(path).stem)
        self.about = About(
            name=Path(path).name, path=Path(path), model=one.model, task=one.task, class_names=one.class_names,
            summary=f"{one.model} exported from the run {run}, {one.precision}. The report stays with the run.",
            card={"exported": one.as_dict()},
        )  # fmt: skip
        self.batch = 1

    def look(self, pictures: Sequence[Pixels]) -> list[Found]:
        """The objects in each picture."""
        return [self.detector(picture) for picture in pictures]

    def answer(self, picture: Pixels, found: Found) -> Answer:
        """The objects as rows, in words, and drawn."""
        size = (picture.shape[0], picture.shape[1])
        names = [self.about.class_names[label] for label in found.labels.tolist()]
        drawings = {"overlay": partial(self._overlay, picture, found)}
        if found.masks is not None:
            drawings["mask"] = partial(self._mask, size, found)
        rows = tuple(rows_of(found, size, self.detector))
        return Answer(
            rows=rows,
            said=found_objects(names, self.detector.threshold),
            confidence=of_objects(rows),
            drawings=drawings,
            shown=drawings["overlay"],
        )

    def log(self, name: str, content: bytes, answer: Answer) -> None:
        """Nothing: there is no log of exported models."""

    def _overlay(self, picture: Pixels, found: Found) -> Image.Image:
        parts = [] if found.masks is None else list(found.crops(picture.shape[:2], self.detector.mask_threshold))
        return drawn(picture, found, self.about.class_names, parts)

    def _mask(self, size: tuple[int, int], found: Found) -> Image.Image:
        return Image.fromarray(numbered(list(found.crops(size, self.detector.mask_threshold)), size))
