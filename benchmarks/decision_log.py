"""100,000 logged decisions verified: seconds of `clearsight verify LOG`, as one JSON line.

Each line of the log is what `predict --log` writes of a picture with three objects. ``seconds`` are by the clock, from
outside, the start of the command included, the least of several runs; ``processor_seconds`` those that the processor
worked, for a machine that others use. Then a byte in the middle is changed, and the line must be named.

python benchmarks/decision_log.py
"""

import argparse
import hashlib
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from clearsight.files import chain
from clearsight.files.chain import BEGINNING, Head
from clearsight.prediction.decision_log import decided


def record(number: int) -> dict[str, object]:
    """What is logged of one picture."""
    rows = [
        {"category_name": name, "bbox": [10.5 * place, 20.25, 64.0, 48.75], "score": 0.9 - 0.1 * place}
        for place, name in enumerate(("white cell", "red cell", "platelet"))
    ]
    decision = {"decision": "decided", "reason": "red cell at score 0.710 is nearest to the threshold 0.430"}
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {
        "time": "2026-11-26T07:00:00.000+00:00", "run": "yolo-blood-1", "weights": digest, "settings": digest,
        "picture": f"smears/{number:06d}.jpg", "picture_sha256": digest, **decided([row | decision for row in rows]),
    }  # fmt: skip


def written(path: Path, lines: int) -> None:
    """A log of so many lines, written at once: to append them one by one takes a lock and a flush for each."""
    previous = BEGINNING
    with open(path, "wb") as file:
        for number in range(1, lines + 1):
            line, previous = chain._line({"number": number, **record(number), "previous": previous})
            file.write(line)
    chain._write_head(path, Head(lines, previous))


def verified(path: Path) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Seconds by the clock and of the processor of the command, and what it said."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(["clearsight", "verify", str(path)], capture_output=True, text=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, worked, done


def main() -> None:
    """Write, verify, damage, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "decisions.jsonl"
        written(path, chosen.decisions)
        runs = [verified(path) for _ in range(chosen.runs)]
        assert all(done.returncode == 0 for _, _, done in runs), runs[0][2].stderr
        size = path.stat().st_size
        with open(path, "r+b") as file:
            file.seek(size // 2)
            byte = file.read(1)
            file.seek(size // 2)
            file.write(b"0" if byte != b"0" else b"1")
        damaged = verified(path)[2]
        assert damaged.returncode == 1, damaged.stdout
    line = {
        "benchmark": "decision_log",
        "seconds": round(min(run[0] for run in runs), 2),
        "runs": [round(run[0], 2) for run in runs],
        "processor_seconds": round(min(run[1] for run in runs), 2),
        "decisions": chosen.decisions,
        "megabytes": round(size / 1e6, 1),
        "damaged": next((line for line in damaged.stdout.splitlines() if "changed" in line), damaged.stdout.strip()),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
