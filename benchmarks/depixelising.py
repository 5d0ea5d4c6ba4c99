"""Restores held-out pictures by search in a generator's latents, and prints what became of groups, as JSON lines.

    python benchmarks/depixelising.py runs/vae-faces-1 --by race,gender --count 400

The first line has the PSNR of the restored pictures made small again, how many came near enough and by what; then one
line for each attribute with the share that changes group beside chance, by group, and the drift table; all with
intervals. The run's report is written anew. A run is trained by, for example,

    clearsight train vae faces/train.parquet --set size=32,32 --set latents=128 --set flips=horizontal --minutes 15
"""

import argparse
import json
import time
from typing import Any

import clearsight as cs
from clearsight.report.opening import opening
from clearsight.types import Finding


def line(finding: Finding) -> dict[str, Any]:
    """A finding with its interval, and the rows behind it."""
    columns = {name: [_rounded(cell) for cell in cells] for name, cells in finding.series.items()}
    found = {"value": _rounded(finding.value), "interval": [_rounded(end) for end in finding.interval or ()]}
    return {"metric": finding.metric, **found, "n": finding.n, "claim": finding.claim, "rows": columns}


def _rounded(cell: Any) -> Any:
    return round(cell, 4) if isinstance(cell, float) else cell


def main() -> None:
    """Audit the run and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--by", default="race,gender")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--restarts", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--epsilon", type=float, default=1e-3)
    parser.add_argument("--finish", default=None)
    parser.add_argument("--seed", type=int, default=0)
    asked = vars(parser.parse_args())
    run, by = asked.pop("run"), asked.pop("by").split(",")
    options = {name: value for name, value in asked.items() if value is not None}
    began = time.perf_counter()
    found = cs.pulse(run, by=by, **options)
    took = time.perf_counter() - began
    how = [row["how"] for row in found.rows]
    print(
        json.dumps(
            {
                "run": str(run), "model": found.about["model"], "seconds": round(took, 1), **options,
                "restorations": len(how), "how": {one: how.count(one) for one in sorted(set(how))},
                "inputs unmatched": len(found.unmatched), "opening": opening(found.findings),
            }
        )
    )  # fmt: skip
    for finding in found.findings:
        print(json.dumps(line(finding)))


if __name__ == "__main__":
    main()
