"""Denoising against classical filters on the same noisy held-out pictures: PSNR of each and the paired gain, as JSON.

python benchmarks/denoising.py --data cifar10/train.parquet --minutes 10
python benchmarks/denoising.py --data digits --minutes 10
python benchmarks/denoising.py --data digits --set noise=salt-and-pepper --minutes 10
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch

from clearsight.audits import restoration, scores
from clearsight.loading import trained
from clearsight.settings import parse
from clearsight.types import Request
from clearsight.verbs.train import train


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="pictures in any layout")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="field=value, as in `clearsight train`")
    parser.add_argument("--out", help="keep the run in this new folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = asked.out or Path(folder) / "run"
        settings = parse(asked.set)
        run = train("denoiser", asked.data, minutes=asked.minutes, seed=asked.seed, out=out, settings=settings)
        kind = trained.task_of(run.config).statistics_type
        split = next(name for name in ("test", "val") if name in run.evidence_names)
        evidence = run.read_evidence(split, kind)
        names = {"identity": "identity", "Gaussian filter": "gaussian-filter", "median filter": "median-filter"}
        more = {name: run.read_evidence(f"baseline-{file}-{split}", kind) for name, file in names.items()}
        request = Request(evidence=evidence, more=more)
        measured, (gain,) = scores(request), restoration(request)
        last = [row for row in run.read_log() if "step" in row][-1]
        config = run.config
    print(
        json.dumps(
            {
                "benchmark": "denoising",
                "data": config.data_name,
                "noise": config.settings["model"]["noise"],
                "level": config.settings["model"]["judged_level"],
                "minutes": asked.minutes,
                "seed": asked.seed,
                "pictures": len(evidence.ids),
                **{one.metric: _rounded(one.value, one.interval) for one in measured if one.value is not None},
                "psnr": dict(zip(gain.series["label"], _each(gain.series["value"]), strict=True)),
                "gain_db": _rounded(gain.value, gain.interval),
                "over": gain.group,
                "steps": last["step"],
                "training_s": round(last["seconds"], 1),
                "trained in": config.settings["precision"],
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


def _rounded(value: float | None, interval: tuple[float, float] | None) -> list[float]:
    return [round(one, 4) for one in (value, *(interval or ())) if one is not None]


def _each(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


if __name__ == "__main__":
    main()
