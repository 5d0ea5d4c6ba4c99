"""Milliseconds per picture of `predict` on picture files, beside a peer in the same run, as one JSON line.

    python benchmarks/prediction.py --run RUN --pictures FOLDER [--peer PYTHON]

PYTHON is the interpreter of an environment that has Ultralytics; its YOLO11n (random weights: the same arithmetic)
predicts the same files at 320 px. The two take turns, and each turn's minimum counts.
"""

import argparse
import json
import statistics
import subprocess
import time

from clearsight.verbs.predict import found_files, predict

PEER = """
import sys, time
from ultralytics import YOLO
model = YOLO("yolo11n.yaml")
files = [line.strip() for line in sys.stdin if line.strip()]
model.predict(files[:2], imgsz=320, verbose=False)
print("ready", flush=True)
"""


def peer_turn(python: str, files: list[str], repeats: int) -> list[float]:
    """Seconds of each of some passes over the files by the peer, in a process of its own, its start not counted."""
    code = PEER + (
        f"for _ in range({repeats}):\n"
        "    began = time.perf_counter()\n"
        "    for _ in model.predict(files, imgsz=320, verbose=False, stream=True): pass\n"
        "    print(time.perf_counter() - began, flush=True)\n"
    )
    done = subprocess.run([python, "-c", code], input="\n".join(files), capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split("ready")[-1].split()]


def main() -> None:
    """Time both, in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--pictures", required=True)
    parser.add_argument("--peer", help="python of an environment with ultralytics")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    asked = parser.parse_args()
    files = [str(file) for file in found_files([asked.pictures])]
    ours, theirs = [], []
    predict(asked.run, files[:4], batch=asked.batch)
    for _ in range(asked.turns):
        turn = []
        for _ in range(2):
            began = time.perf_counter()
            predict(asked.run, files, batch=asked.batch)
            turn.append(time.perf_counter() - began)
        ours.append(min(turn))
        if asked.peer:
            theirs.append(min(peer_turn(asked.peer, files, 2)))
    ms = [1000 * seconds / len(files) for seconds in ours]
    line = {"benchmark": "prediction", "pictures": len(files), "ours_ms": round(statistics.median(ms), 2)}
    if theirs:
        peer_ms = [1000 * seconds / len(files) for seconds in theirs]
        ratios = [a / b for a, b in zip(ms, peer_ms, strict=True)]
        line |= {"peer_ms": round(statistics.median(peer_ms), 2), "ratio": round(statistics.median(ratios), 3)}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
