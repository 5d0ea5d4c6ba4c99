"""Seconds of `clearsight --help`, and of `clearsight demo` with its score, as JSON lines.

python benchmarks/command.py [--demo]
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path


def seconds(words: list[str]) -> float:
    """How long a command takes, from outside."""
    began = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Time the help, and on request the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true")
    asked = parser.parse_args()
    times = [seconds(["clearsight", "--help"]) for _ in range(11)]
    print(
        json.dumps({"benchmark": "help", "median_s": round(statistics.median(times), 3), "min_s": round(min(times), 3)})
    )
    if asked.demo:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "demo"
            took = seconds(["clearsight", "demo", "--out", str(out), "--quiet"])
            findings = json.loads((out / "card.json").read_text(encoding="utf-8"))["findings"]
        score = next(finding["value"] for finding in findings if finding["metric"] == "AP50" and not finding["group"])
        gaps = [finding["claim"] for finding in findings if finding["verdict"] == "fail"]
        print(json.dumps({"benchmark": "demo", "seconds": round(took, 1), "AP50": round(score, 3), "gaps": gaps}))


if __name__ == "__main__":
    main()
