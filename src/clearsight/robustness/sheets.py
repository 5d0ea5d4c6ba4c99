"""Pictures of each corruption for the report: one picture undamaged, and at the least and the highest severities."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from clearsight.audits.sentences import number
from clearsight.corruptions.corruption import Corruption
from clearsight.files import encoding
from clearsight.generation.sheets import grid
from clearsight.robustness.conditions import CLEAN
from clearsight.run import Run
from clearsight.sources import PictureDataset
from clearsight.sources.samples import pictures
from clearsight.types import Evidence, Example

SHOWN_PX = 240
TITLE = "Corruptions"


def sheets(
    run: Run, judged: PictureDataset, corruptions: Sequence[Corruption], evidence: Mapping[str, Evidence], seed: int
) -> list[Example]:
    """A mosaic for each corruption: the first picture at every severity that was judged, with the scores below it."""
    record = judged.records[0]
    image = record.decode()
    examples = []
    for corruption in corruptions:
        severities = sorted(
            int(one.about["severity"]) for one in evidence.values() if one.about["corruption"] == corruption.name
        )
        if not severities:
            continue
        shown = [severities[0], severities[len(severities) // 2], severities[-1]] if len(severities) > 3 else severities
        mosaic = _mosaic([image, *(corruption(image, severity, record.id, seed) for severity in shown)])
        path = f"examples/corruption-{corruption.name}.jpg"
        run.write_file(path, encoding.jpeg(mosaic))
        clean = evidence[CLEAN]
        scores = [_headline(clean), *(_headline(evidence[f"{corruption.name}-{severity}"]) for severity in shown)]
        levels = ", ".join(f"{severity}: {score}" for severity, score in zip(shown, scores[1:], strict=True))
        caption = (
            f"{_named(corruption)}: {clean.statistics.metrics()[0].name}, row by row: undamaged {scores[0]}; severity "
            f"{levels}"
        )
        examples.append(Example(path=path, caption=caption, kind="corrupted", about=TITLE))
    return examples


def _named(corruption: Corruption) -> str:
    """The corruption as a beginning of a sentence."""
    words = corruption.name.replace("-", " ")
    return "JPEG" if words == "jpeg" else words[0].upper() + words[1:]


def _headline(evidence: Evidence) -> str:
    metric = evidence.statistics.metrics()[0]
    return number(float(metric.compute(evidence.statistics, np.ones((1, evidence.statistics.images)))[0]), metric)


def _mosaic(images: Sequence[UInt8[Tensor, "3 h w"]]) -> Image.Image:
    small = [pictures.resize(image, SHOWN_PX) if max(image.shape[1:]) > SHOWN_PX else image for image in images]
    return grid(torch.stack(small), 2)
