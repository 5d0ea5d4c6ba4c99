"""What the training loop costs: steps of `clearsight.training.loop.fit` against a bare PyTorch loop, as one JSON line.

    python benchmarks/loop.py [--steps 30]

Both train the same network on the same batches in the same precision, in turns; the ratio of the medians counts.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator

import torch
from lightning_fabric import Fabric

from clearsight import backbones, sources
from clearsight.architectures import Yolo
from clearsight.architectures.yolo import YoloConfig
from clearsight.energy.meter import Meter
from clearsight.loading import trained
from clearsight.sources.batches.views import Batches
from clearsight.training import loop
from clearsight.types import Batch, Training

TRAINING = Training(size_px=160, flips="none")


def network() -> Yolo:
    """The network of the demo."""
    torch.manual_seed(0)
    return Yolo(YoloConfig(width=64, backbone="regnetx_002"), backbones.build("regnetx_002"), tuple("0123456789"))


def ours(batches: list[Batch], precision: str) -> float:
    """Seconds of the loop over the batches."""

    def given(make: object, first: int) -> Iterator[Batch]:
        yield from batches
        raise AssertionError("the loop asked for more batches than there are steps")

    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    with Meter() as meter:
        clock = loop.Clock(loop.Budget(epochs=1), len(batches), meter)
        began = time.perf_counter()
        loop.fit(network(), lambda step, progress: batches[step], given, clock, TRAINING, fabric, loop.Hooks(save=len))
        return time.perf_counter() - began


def bare(batches: list[Batch], precision: str) -> float:
    """Seconds of the shortest loop that trains the same network with the same optimizer."""
    model = network().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), TRAINING.learning_rate, weight_decay=0.05, fused=True)
    began = time.perf_counter()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = sum(model.losses(batch).values())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING.clip_norm)
        optimizer.step()
    return time.perf_counter() - began


def main() -> None:
    """Time both, in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--turns", type=int, default=7)
    asked = parser.parse_args()
    dataset = sources.cached(sources.read("digits").split("train"), TRAINING.size_px)
    made = Batches(dataset=dataset, training=TRAINING, canvas=(160, 160))
    batches = [made.batch(step, 0.0) for step in range(asked.steps)]
    precision = "bf16-mixed" if trained.has_bf16("cpu") else "32-true"
    times = [(ours(batches, precision), bare(batches, precision)) for _ in range(asked.turns + 1)][1:]
    ratio = statistics.median(a / b for a, b in times)
    mine, theirs = (statistics.median(pair[k] for pair in times) for k in range(2))
    line = {"benchmark": "loop", "steps": asked.steps, "ours_s": round(mine, 3), "bare_s": round(theirs, 3)}
    print(json.dumps(line | {"ratio": round(ratio, 4)}))


if __name__ == "__main__":
    main()
