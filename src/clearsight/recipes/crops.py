"""A backbone from the data's own objects: a classifier of object crops, whose backbone a detector then starts from."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from clearsight import sources
from clearsight.run import Run
from clearsight.types import Boxes, Dataset
from clearsight.verbs.train import train

CONTEXT = 0.25
SMALLEST_PX = 8


def object_crops(dataset: Dataset, folder: Path, *, most_per_class: int = 1000, size_px: int = 96) -> dict[str, int]:
    """Cut the objects of a data set out into class folders, with a quarter of their size around them as context.

    Each crop is square, ``size_px`` px, and keeps its aspect; what the picture does not show is black. Returns how many
    crops each class has: pictures are taken in their order until a class has ``most_per_class``.
    """
    counts: Counter[str] = Counter()
    for index in range(len(dataset)):
        sample = dataset[index]
        assert isinstance(sample.truth, Boxes)
        picture = Image.fromarray(sample.image.permute(1, 2, 0).numpy())
        for box, label, ignored in zip(
            sample.truth.xyxy.tolist(), sample.truth.labels.tolist(), sample.truth.ignored.tolist(), strict=True
        ):
            name = dataset.class_names[label]
            side = max(box[2] - box[0], box[3] - box[1])
            if ignored or side < SMALLEST_PX or counts[name] >= most_per_class:
                continue
            x, y, reach = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side * (0.5 + CONTEXT)
            window = tuple(round(value) for value in (x - reach, y - reach, x + reach, y + reach))
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            crop = picture.crop(window).resize((size_px, size_px), Image.Resampling.BILINEAR)
            crop.save(place / f"{counts[name]:05d}.png")
            counts[name] += 1
    return dict(counts)


def crops_classifier(
    data: Path | str,
    folder: Path,
    *,
    minutes: float = 3,
    backbone: str = "regnetx_002",
    flips: str = "data",
    by: Sequence[str] = (),
    out: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Run:
    """Train a classifier on the objects of the training pictures of ``data``, cut out into ``folder``.

    Nothing of the other splits is looked at. ``--backbone run:RUN`` then takes its backbone.
    """
    object_crops(sources.read(str(data)).split("train"), Path(folder))
    return train(
        "classifier", folder, backbone=backbone, minutes=minutes, by=by, out=out, seed=seed, quiet=quiet,
        settings={"size_px": 96, "batch_size": 32, "flips": flips},
    )  # fmt: skip
