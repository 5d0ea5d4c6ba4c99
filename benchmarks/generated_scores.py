"""What scores of generated pictures are on MNIST, for stand-ins whose quality is known: real, blurred, noise, copies.

    python benchmarks/generated_scores.py --data mnist/train.parquet [--train 50000] [--count 2000] [--repeats 20]

The rows of the file are shuffled; the first --train are trained on, --count more are held out, all others are the "new
pictures" of which no more than chance may be called copies.
"""

import argparse
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import polars
import torch
import torch.nn.functional as F
from PIL import Image

from clearsight.audits import class_mix, copies
from clearsight.audits.copies import TOLERATED
from clearsight.generation.evidence import calibrators, evidence_of, reference
from clearsight.generation.extractors import extractors_for
from clearsight.generation.pictures import Pictures
from clearsight.types import Evidence, Request

NAMES = tuple("0123456789")


def pictures(data: Path) -> Pictures:
    """All digits of the file in a random order."""
    table = polars.read_parquet(data)
    order = np.random.default_rng(0).permutation(len(table)).tolist()
    images, labels = table["image"].to_list(), table["label"].to_list()
    grey = np.stack([np.array(Image.open(BytesIO(images[row]["bytes"])).convert("L")) for row in order])
    stacked = torch.from_numpy(grey)[:, None].expand(-1, 3, -1, -1).contiguous()
    classes = torch.tensor([int(labels[row]) for row in order])
    return Pictures(images=stacked, ids=tuple(str(row) for row in order), classes=classes)


def values(evidence: Evidence) -> dict[str, float]:
    """Every metric, without intervals."""
    ones = np.ones((1, evidence.statistics.images))
    return {m.name: float(m.compute(evidence.statistics, ones)[0]) for m in evidence.statistics.metrics()}


def blurred(images: torch.Tensor) -> torch.Tensor:
    """As of a model that averages: each pixel the mean of 3 x 3."""
    return F.avg_pool2d(images.float(), 3, stride=1, padding=1).round().to(torch.uint8)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", type=int, default=50_000)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    every, count = pictures(options.data), options.count
    train = every.select(range(options.train))
    real = every.select(range(options.train, options.train + count))
    rest = every.select(range(options.train + count, len(every)))

    began = time.perf_counter()
    pair = extractors_for(train, f"mnist {options.train}", NAMES)
    print(f"extractors: {time.perf_counter() - began:.0f} s (from the cache on a second run)")
    accuracy = (pair[0].classes(real.images).argmax(1) == real.classes).float().mean()
    print(f"own classifier on the held-out digits: accuracy {float(accuracy):.4f}")
    began = time.perf_counter()
    found = reference(train, real, pair, NAMES)
    print(f"reference: {time.perf_counter() - began:.0f} s")

    sets = calibrators(found, count)
    sets["new"] = evidence_of(found, rest.select(range(count)))
    sets["new, blurred"] = evidence_of(
        found, Pictures(images=blurred(rest.images[:count]), ids=rest.ids[:count], classes=rest.classes[:count])
    )
    few = np.flatnonzero(rest.classes.numpy() == 1)
    sets["new ones only"] = evidence_of(found, rest.select(few[:count]))
    mixed = rest.select(range(count))
    some = train.select(range(count // 20))
    images = torch.cat([some.images.roll(1, 3), mixed.images[count // 20 :]])
    sets["new, 5% copies moved by a pixel"] = evidence_of(found, Pictures(images=images, ids=mixed.ids))
    table = {name: values(evidence) for name, evidence in sets.items()}
    for name in table["floor"]:
        print(f"{name:38}", *(f"{column} {scores[name]:.4g};" for column, scores in table.items()))
    for name, evidence in sets.items():
        began = time.perf_counter()
        (finding,) = copies(Request(evidence=evidence))
        print(f"{name}: {finding.verdict}: {finding.claim} [{time.perf_counter() - began:.1f} s]")
    (finding,) = class_mix(Request(evidence=sets["new ones only"]))
    print(finding.claim)

    alarms, rates = 0, []
    random = np.random.default_rng(1)
    for repeat in range(options.repeats):
        chosen = random.choice(len(rest), 500, replace=False)
        held = random.choice(len(real), 500, replace=False)
        statistics = evidence_of(found, rest.select(chosen)).statistics
        kept = np.concatenate([held, len(real) + np.arange(500)])
        part = Evidence(task="generation", statistics=_rows(statistics, kept), ids=(), clusters=np.arange(1000))
        (finding,) = copies(Request(evidence=part, seed=repeat))
        alarms += finding.verdict == "fail"
        rates.append(finding.value)
    print(f"500 new against 500 held out, {options.repeats} times: rate {np.mean(rates):.4f}, alarms {alarms} "
          f"(passed below {TOLERATED:.0%})")  # fmt: skip


def _rows(statistics, rows):
    return type(statistics)(
        generated=statistics.generated[rows], features=statistics.features[rows], second=statistics.second[rows],
        clusters=np.arange(len(rows)), distance=statistics.distance[rows], answer=statistics.answer[rows],
        truth=statistics.truth[rows], class_names=statistics.class_names, training_mix=statistics.training_mix,
    )  # fmt: skip


if __name__ == "__main__":
    main()
