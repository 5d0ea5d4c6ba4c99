"""What a network that enlarges pictures invents: evidence of what it makes of held-out pictures, and a sheet of it.

Of one that draws pictures (``draw``), several are drawn from each input: how far they differ is invented, and the
probability of the true picture is exact. Of any, a classifier of each attribute reads what was made, beside the real
pictures and beside bicubic interpolation of the same inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.drawing import in_bytes
from clearsight.evaluation.more_evidence import MoreEvidence
from clearsight.generation.drawn_sheets import drawn, sheets_of
from clearsight.generation.pictures import quantised
from clearsight.generation.readings import of_rows, read_attributes
from clearsight.loading import trained
from clearsight.loading.posing import given_of
from clearsight.metrics.invention import InventionStatistics
from clearsight.ops.consistency import enlarged
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Dataset, Evidence, Example, Picture

MOST = 1000  # held-out pictures
MOST_NUMBERS = 200_000_000  # of all pictures that are held at once
DRAWS = 4  # of each: enough for a standard deviation over so many pictures
TOGETHER = 64
DRAWN = "invention"
MADE, BICUBIC = "what it made", "bicubic interpolation"

Pictures = UInt8[Tensor, "n 3 h w"]


def invented(run: Run, source: Source, judged: Evidence, by: Sequence[str] = (), *, quiet: bool = True) -> MoreEvidence:
    """What a run that enlarges pictures made of the judged ones; nothing for other runs, or pictures of several sizes.

    ``source`` is posed as the run is judged, ``judged`` the evidence of one of its splits, in order. ``by`` names the
    attributes to read; the classes of the data, where they have some, unless it names any. The evidence is kept in the
    run folder.
    """
    given = given_of(run.config)
    if given is None or given.factor == 1:
        return MoreEvidence()
    split = judged.about["split"]
    some = _some(source.split(split))
    if some is None:
        return MoreEvidence()
    network = trained.ready(run)
    with stage("making pictures of held-out ones", quiet) as watch:
        made, bits = _made(run, network, some, watch)
    evidence: dict[str, Evidence] = {}
    examples: tuple[Example, ...] = ()
    at = of_rows(judged, np.asarray(some.rows))
    if bits is not None:
        evidence[DRAWN] = replace(at, statistics=_statistics(made, some.true, bits))
        examples = sheets_of(run, network, some.given, some.true)
    enlargement = quantised(enlarged(some.given.float() / 255, given.factor))
    wanted = by or (("class",) if "class" in judged.groups else ())
    makers = {MADE: made, BICUBIC: enlargement[:, None]}
    evidence |= read_attributes(run, source, at, some.true, makers, wanted, quiet=quiet)
    for name, one in evidence.items():
        run.write_evidence(f"{name}-{split}", one)
    return MoreEvidence(evidence=evidence, examples=examples)


@dataclass(frozen=True, kw_only=True)
class _Some:
    """Pictures of one size, what is given of them, and which rows of the data set they are."""

    rows: list[int]
    given: Pictures
    true: Pictures


def _some(dataset: Dataset) -> _Some | None:
    """At most 1,000 pictures, evenly spread; None where they differ in size."""
    if not len(dataset):
        return None
    numbers = DRAWS * _true(dataset[0]).numel()
    rows = evenly_spread(len(dataset), max(1, min(MOST, MOST_NUMBERS // numbers)))
    pairs = []
    for row in rows:
        sample = dataset[row]
        pairs.append((sample.image, _true(sample)))
        if pairs[-1][1].shape != pairs[0][1].shape:
            return None
    given, true = (torch.stack(side) for side in zip(*pairs, strict=True))
    return _Some(rows=rows, given=given, true=true)


def _true(sample: Any) -> UInt8[Tensor, "3 h w"]:
    assert isinstance(sample.truth, Picture)
    return in_bytes(sample.truth)


def _made(
    run: Run, network: Any, some: _Some, watch: Any
) -> tuple[UInt8[Tensor, "n draws 3 h w"], Float[Tensor, "n"] | None]:
    """Several pictures of each input and bits per dimension of the truth, or one picture where it draws none."""
    if not hasattr(network, "draw"):
        found = []
        for one in trained.predictor(run, network)(some.given):
            assert isinstance(one, Picture)
            found.append(in_bytes(one))
            watch(len(found), len(some.rows))
        return torch.stack(found)[:, None], None
    draws, bits = [], []
    device = next(network.parameters()).device
    for given, true in zip(some.given.split(TOGETHER), some.true.split(TOGETHER), strict=True):
        bits.append(network.bits_per_dim(given.to(device).float() / 255, true.to(device).float() / 255).cpu())
        draws.append(drawn(network, given, DRAWS))
        watch(sum(map(len, draws)), len(some.rows))
    return torch.cat(draws), torch.cat(bits)


def _statistics(made: UInt8[Tensor, "n draws 3 h w"], true: Pictures, bits: Float[Tensor, "n"]) -> InventionStatistics:
    """Distances picture by picture, so that no more is held in floating point than one of them needs."""
    found = np.zeros((len(true), 3))
    for row, (draws, truth) in enumerate(zip(made, true, strict=True)):
        draws, truth = draws.double(), truth.double()
        other = true[(row + len(true) // 2) % len(true)].double()
        off, others = (draws - truth).square().mean(), (truth - other).square().mean()
        found[row] = float(draws.var(0).mean()), float(off), float(others)
    return InventionStatistics(
        bits=bits.double().numpy(), spread=np.sqrt(found[:, 0]), apart=2 * found[:, 0], off=found[:, 1],
        others=found[:, 2], draws=made.shape[1],
    )  # fmt: skip
