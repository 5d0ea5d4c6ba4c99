"""Confusions that must never happen, as users write them, as a run keeps them, and settled on its evidence."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clearsight.inference.abstention import Block, least_probability
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.run import Config, Run
from clearsight.suggestions import did_you_mean
from clearsight.types import Evidence

NONE = "none"
FORM = 'Expected "truth>prediction", such as "person>animal", or a file with one such line each.'


def pairs_of(words: Sequence[str | Path], class_names: Sequence[str]) -> list[tuple[str, str, float | None]]:
    """Pairs of a true class and the one it must not be taken for, from words or files of such lines.

    ``truth>prediction@0.05`` names the least probability of the truth from which to abstain, None where unsaid. Empty
    lines and those that begin with ``#`` are left out. Raises ValueError for anything else, and for unknown classes.
    """
    found = {}
    for line in _lines(words):
        pair, _, least = line.partition("@") if re.search(r"@\s*[\d.]+\s*$", line) else (line, "", "")
        parts = [part.strip() for part in pair.split(">")]
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"{line!r} is no confusion. {FORM}")
        for name in parts:
            _check_class(name, class_names)
        if parts[0] == parts[1]:
            raise ValueError(f"{line!r} names one class twice: to take it for itself is right. Name two classes.")
        if least and not 0 <= float(least) <= 1:
            raise ValueError(f"{line!r} abstains from a probability of {least.strip()}. Expected one between 0 and 1.")
        found[parts[0], parts[1]] = float(least) if least else None
    return [(truth, answer, least) for (truth, answer), least in found.items()]


def _lines(words: Sequence[str | Path]) -> Iterable[str]:
    for word in words:
        if isinstance(word, Path) or (">" not in str(word) and Path(word).is_file()):
            lines = Path(word).read_text(encoding="utf-8").splitlines()
            yield from (line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
        else:
            yield str(word)


def _check_class(name: str, class_names: Sequence[str]) -> None:
    if name in class_names:
        return
    hint = did_you_mean(name, class_names, f"Classes: {', '.join(class_names) or 'none'}.")
    raise ValueError(f"there is no class {name!r} to be confused. {hint}")


def settled(pairs: Iterable[tuple[str, str, float | None]], evidence: Evidence) -> tuple[Block, ...]:
    """Blocks of the pairs, with the least probability settled on evidence of one class per picture."""
    statistics = evidence.statistics
    assert isinstance(statistics, ClassificationStatistics)
    blocks = []
    for truth, answer, given in pairs:
        index = statistics.class_names.index(truth)
        least, pictures = least_probability(statistics.probabilities, statistics.truth, index)
        if given is not None:
            least, pictures = given, 0
        blocks.append(Block(truth=truth, answer=answer, least=least, pictures=pictures))
    return tuple(blocks)


def refused(run: Run, never: Sequence[str | Path]) -> Run:
    """The run, where no confusions are named; raises ValueError otherwise, for runs without classes of pictures."""
    if never:
        raise ValueError(f"--never is for classes of pictures, and {run.path} learnt from none. Leave it out.")
    return run


def kept_pairs(config: Config) -> tuple[tuple[str, str], ...]:
    """The confusions that a run was told must never happen."""
    return tuple((one["truth"], one["answer"]) for one in config.settings.get("never", ()))


def kept_blocks(config: Config) -> tuple[Block, ...]:
    """The blocks that a run keeps; only those of one class per picture withhold answers."""
    if config.task != "classification":
        return ()
    return tuple(Block(**one) for one in config.settings.get("never", ()))


def keep(run: Run, pairs: Sequence[tuple[str, str, float | None]], evidence: Evidence) -> None:
    """Keep the confusions in the run, in place of any before; of one class per picture with what was settled."""
    blocks: Sequence[Block]
    if run.config.task == "classification":
        blocks = settled(pairs, evidence)
    else:
        blocks = [Block(truth=truth, answer=answer, least=0.0) for truth, answer, _ in pairs]
    kept: list[dict[str, Any]] = [dict(vars(block)) for block in blocks]
    run.change(settings={**run.config.settings, "never": kept})


def blocks_for(run: Run, words: Sequence[str | Path]) -> tuple[Block, ...]:
    """The blocks a prediction is under: those the run keeps, and those of ``words``; ``["none"]`` lifts all.

    Raises ValueError where the run does not name one class per picture, or has no evidence to settle them on.
    """
    config = run.config
    if list(words) == [NONE]:
        return ()
    if not words:
        return kept_blocks(config)
    if config.task != "classification":
        raise ValueError(
            f"--never withholds the one class of a picture, and {run.path} does {config.task}. Leave it out here; "
            "`clearsight audit` counts such confusions."
        )
    pairs = pairs_of(words, config.class_names)
    asked = {(truth, answer) for truth, answer, _ in pairs}
    others = tuple(block for block in kept_blocks(config) if (block.truth, block.answer) not in asked)
    if all(least is not None for _, _, least in pairs):
        return (*others, *(Block(truth=a, answer=b, least=least or 0.0) for a, b, least in pairs))
    names = [name for name in ("test", "val", *run.evidence_names) if name in run.evidence_names]
    judged = [name for name in names if not name.startswith("baseline")]
    if not judged:
        raise ValueError(
            f"{run.path} keeps no evidence to settle --never on. Run `clearsight audit {run.path}`, or name the least "
            'probability yourself: "truth>prediction@0.05".'
        )
    return (*others, *settled(pairs, run.read_evidence(judged[0], ClassificationStatistics)))
