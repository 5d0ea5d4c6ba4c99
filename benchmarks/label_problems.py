"""How many label mistakes a run trained on damaged labels finds: boxes removed and classes exchanged at random.

A copy of a Pascal VOC folder is damaged (``damage``), a model is trained on the copy for some minutes, and the list of
likely problems is compared with what was done to the labels (``judge``). A mistake counts as found where the list has
an entry of its kind on the same picture at IoU 0.5 with the damaged box. Entries that meet no damage count as false,
though some of them are mistakes that the data had before. Prints one JSON line.
"""

import argparse
import json
import random
import shutil
from pathlib import Path
from xml.etree import ElementTree

REMOVED, EXCHANGED = 0.05, 0.03


def damage(source: Path, copy: Path, seed: int) -> list[dict]:
    """A copy of the folder with 5% of the boxes gone and 3% of the classes exchanged; what was done, box by box."""
    shutil.copytree(source, copy)
    chance = random.Random(seed)
    files = sorted((copy / "Annotations").glob("*.xml"))
    names = sorted({word.text for path in files for word in ElementTree.parse(path).iterfind("object/name")})
    done = []
    for path in files:
        tree = ElementTree.parse(path)
        root = tree.getroot()
        for each in root.findall("object"):
            name, box = each.find("name"), [float(each.find(f"bndbox/{side}").text) for side in SIDES]
            luck = chance.random()
            said = {"id": path.stem, "box": box, "was": name.text}
            if luck < REMOVED:
                root.remove(each)
                done.append({"kind": "missing box", **said})
            elif luck < REMOVED + EXCHANGED:
                name.text = chance.choice([other for other in names if other != name.text])
                done.append({"kind": "wrong class", **said, "is": name.text})
        tree.write(path)
    (copy / "damage.json").write_text(json.dumps(done))
    return done


SIDES = ("xmin", "ymin", "xmax", "ymax")


def overlap(a: list[float], b: list[float]) -> float:
    """Intersection over union of two boxes."""
    wide, high = (min(a[2 + i], b[2 + i]) - max(a[i], b[i]) for i in (0, 1))
    both = wide * high if wide > 0 and high > 0 else 0.0
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def judge(done: list[dict], found: list[dict]) -> dict:
    """Precision and recall of the list by kind, whole and among as many of its first entries as there are mistakes."""
    scores = {}
    for kind in ("missing box", "wrong class"):
        mistakes = [one for one in done if one["kind"] == kind]
        listed = [one for one in found if one["kind"] == kind]
        met: set[int] = set()
        right = []
        for one in listed:
            place = next(
                (
                    index
                    for index, mistake in enumerate(mistakes)
                    if index not in met and mistake["id"] == one["id"] and overlap(mistake["box"], one["box"]) >= 0.5
                ),
                None,
            )
            right.append(place is not None)
            met |= {place} if place is not None else set()
        first = right[: len(mistakes)]
        scores[kind] = {
            "mistakes": len(mistakes),
            "listed": len(listed),
            "precision": round(sum(right) / max(1, len(right)), 3),
            "recall": round(len(met) / max(1, len(mistakes)), 3),
            "precision of the first": {str(n): round(sum(right[:n]) / n, 3) for n in (20, 50, 100) if len(right) >= n},
            "recall within as many as there are": round(sum(first) / max(1, len(mistakes)), 3),
        }
    return scores


def main() -> None:
    """Damage, train unless a run is given, list, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a Pascal VOC folder")
    parser.add_argument("work", type=Path, help="a new folder for the copy and the run")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    import clearsight as cs

    copy, run = chosen.work / "damaged", chosen.work / "run"
    if not copy.exists():
        damage(chosen.data, copy, chosen.seed)
    if not run.exists():
        cs.train("yolo", copy, minutes=chosen.minutes, out=run, seed=chosen.seed, settings={"flips": "both"})
    found = cs.data(copy, run=run).as_dict()["likely_problems"]
    done = json.loads((copy / "damage.json").read_text())
    print(json.dumps({"benchmark": "label problems", "minutes": chosen.minutes, "scores": judge(done, found)}))


if __name__ == "__main__":
    main()
