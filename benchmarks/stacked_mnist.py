"""How many of 1,000 kinds of pictures a generator makes: stacked MNIST (Metz et al. 2017), as JSON lines.

    python benchmarks/stacked_mnist.py gan --data mnist/train.parquet --minutes 9 --out trial/

Three digits drawn at random are the three colours of one picture, so there are 1,000 kinds. A generator learns from
``--pictures`` of them without any label; a classifier of single digits reads the colours of ``--samples`` of its
pictures. Printed are the kinds found and the Kullback-Leibler divergence in nats from the kinds' shares among the
digits, beside what as many real pictures drawn anew come to: even these never reach 0.
"""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars
import torch
from PIL import Image

import clearsight as cs
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.types import Scores

KINDS = 1000


def digits(table: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, n x 28 x 28 of uint8, and the class of each."""
    rows = polars.read_parquet(table)
    files = rows["image"].struct.field("bytes")
    pictures = np.stack([np.asarray(Image.open(io.BytesIO(each)).convert("L")) for each in files])
    return pictures, rows["label"].cast(polars.String).cast(polars.Int64).to_numpy()


def drawn(count: int, of: int, seed: int) -> np.ndarray:
    """Which three digits each picture has, count x 3."""
    return np.random.default_rng(seed).integers(of, size=(count, 3))


def write_stacked(pictures: np.ndarray, place: Path) -> None:
    """A table of colour pictures, count x h x w x 3, without any labels."""
    place.mkdir(parents=True)
    files = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG", compress_level=1)
        files.append({"bytes": file.getvalue(), "path": f"{len(files):06d}.png"})
    polars.DataFrame({"image": files}).write_parquet(place / "train.parquet")


def kinds(classifier: Run, pictures: torch.Tensor) -> np.ndarray:
    """The kind of each picture, 0 to 999, as a classifier of single digits reads its colours; n x 3 x h x w."""
    single = pictures.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
    names = np.array([int(name) for name in classifier.config.class_names])
    answers = trained.predictor(classifier, batch=512)(iter(single))
    classes = names[[int(one.probabilities.argmax()) for one in answers if isinstance(one, Scores)]]
    return classes.reshape(-1, 3) @ np.array([100, 10, 1])


def divergence(found: np.ndarray, shares: np.ndarray) -> float:
    """Kullback-Leibler divergence, in nats, of the kinds found from their true shares."""
    share = np.bincount(found, minlength=KINDS) / len(found)
    there = share > 0
    return float((share[there] * np.log(share[there] / shares[there])).sum())


def counted(found: np.ndarray, shares: np.ndarray) -> dict[str, Any]:
    """The kinds and the divergence, rounded."""
    return {"kinds": len(np.unique(found)), "divergence": round(divergence(found, shares), 4)}


def main() -> None:
    """Make the pictures, train both networks, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="generators, in the order in which they are trained")
    parser.add_argument("--data", type=Path, required=True, help="a Parquet table of MNIST")
    parser.add_argument("--minutes", type=float, default=9, help="of each generator")
    parser.add_argument("--classifier-minutes", type=float, default=1)
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--samples", type=int, default=26_000)
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the pictures and the runs")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    pictures, labels = digits(asked.data)
    shares = np.bincount(labels, minlength=10) / len(labels)
    shares = (shares[:, None, None] * shares[:, None] * shares).ravel()
    which = drawn(asked.pictures, len(pictures), asked.seed)
    write_stacked(pictures[which].transpose(0, 2, 3, 1), asked.out / "stacked")

    classifier = cs.train(
        "cnn", asked.data, minutes=asked.classifier_minutes, out=asked.out / "classifier", cluster="none"
    )
    anew = drawn(asked.samples, len(pictures), asked.seed + 1)
    by_label = labels[anew] @ np.array([100, 10, 1])
    by_classifier = kinds(classifier, torch.from_numpy(pictures[anew]))
    real = {"labels": counted(by_label, shares), "read": counted(by_classifier, shares)}
    right = round(float((by_label == by_classifier).mean()), 4)
    print(json.dumps({"real pictures": real, "of these read rightly": right}), flush=True)

    for name in asked.names:
        run = cs.train(
            name, asked.out / "stacked", minutes=asked.minutes, seed=asked.seed, out=asked.out / name,
            settings=dict(word.split("=", 1) for word in asked.set), cluster="none",
        )  # fmt: skip
        found = counted(kinds(classifier, cs.sample(run, count=asked.samples, seed=asked.seed).pictures), shares)
        steps = max(line["step"] for line in run.read_log() if "step" in line)
        about = {"minutes": asked.minutes, "steps": steps, "set": asked.set, "samples": asked.samples}
        print(json.dumps({"generator": name, **about, **found}), flush=True)


if __name__ == "__main__":
    main()
