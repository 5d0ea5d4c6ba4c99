"""Likely problems of the labels as one HTML page with a close-up each, and as JSON, for a person to review."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from markupsafe import escape

from clearsight.drawing import shown
from clearsight.evaluation.close_ups import close_up
from clearsight.files import durable, encoding
from clearsight.files.records import to_json
from clearsight.label_checks.problems import KINDS, LikelyProblem
from clearsight.sources import Source
from clearsight.types import Boxes, Detections

EACH = 60
TITLES = {
    "missing box": "Likely missing: a confident detection without a label",
    "wrong class": "Likely wrong class: labelled as one class, detected as another",
    "misplaced box": "Likely poorly localised: the detection is offset from the label",
}
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
h1, h2 { font-family: Georgia, serif; line-height: 1.25 } h2 { margin-top: 2.5rem }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 1rem }
figure { margin: 0 } img { width: 100%; display: block } figcaption { font-size: .85rem; opacity: .8 }
"""


def words(one: LikelyProblem) -> str:
    """What is likely wrong, in a few words."""
    found = f"{shown(one.found)} {one.score:.2f}"
    if one.kind == "missing box":
        return f"no label, found {found}"
    if one.kind == "wrong class":
        return f"labelled {shown(one.labelled)}, found {found}"
    return f"{shown(one.labelled)}, found {one.score:.2f} at IoU {one.overlap:.2f}"


def write_page(folder: Path, source: Source, problems: Sequence[LikelyProblem], class_names: tuple[str, ...]) -> Path:
    """Write ``problems.html`` with the first 60 of each kind and ``problems.json`` with all; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Likely label problems</title><style>{STYLE}</style>"
        f"<h1>Likely problems of the labels of {escape(shown(source.name))}</h1>"
        "<p>A trained model disagrees with these labels. It makes errors too, and it was trained on them: look before "
        "you change one. Dashed: the label; solid: the detection.</p>"
    ]
    for kind in KINDS:
        mine = [one for one in problems if one.kind == kind]
        if mine:
            more = f", the {EACH} most confident shown" if len(mine) > EACH else ""
            parts.append(f"<h2>{TITLES[kind]}</h2><p>{len(mine)}{more}.</p><div class=pictures>")
            parts += [_figure(source, one, class_names) for one in mine[:EACH]]
            parts.append("</div>")
    durable.write_bytes(folder / "problems.json", json.dumps(to_json(list(problems)), indent=1).encode())
    durable.write_bytes(folder / "problems.html", "\n".join(parts).encode())
    return folder / "problems.html"


def _figure(source: Source, one: LikelyProblem, class_names: tuple[str, ...]) -> str:
    found = Detections(
        xyxy=torch.tensor([one.found_box]),
        scores=torch.tensor([one.score]),
        labels=torch.tensor([class_names.index(one.found)]),
    )
    true = [] if one.kind == "missing box" else [class_names.index(one.labelled)]
    truth = Boxes.of(torch.tensor([one.box] * len(true)).reshape(-1, 4), torch.tensor(true, dtype=torch.long))
    if one.kind == "misplaced box":
        # A label that a box matches at 0.5 would count as found, and not be drawn.
        truth = Boxes.of(truth.xyxy, truth.labels + len(class_names))
    picture = close_up(source.split(one.split)[one.row].image, found, truth, class_names)
    data = base64.b64encode(encoding.jpeg(picture, quality=85)).decode("ascii")
    caption = escape(f"{words(one)} ({shown(one.id)})")
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )
