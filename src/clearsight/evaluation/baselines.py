"""The trivial baseline of a run: what its score must beat, on the very pictures it is judged on."""

from collections.abc import Mapping
from dataclasses import replace

from clearsight import sources
from clearsight.evaluation import evaluator
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Evidence


def baseline_for(run: Run, source: Source, judged: Evidence, classical: Mapping[str, Evidence]) -> Evidence:
    """What guessing from the training truths alone scores on the judged pictures, kept in the run folder.

    Where pictures are to be restored, it is the first of the ``classical`` answers, such as the noisy pictures as they
    are: leaving them so is easier than any guess.
    """
    training, split = source.split("train"), judged.about["split"]
    if classical:
        unchanged = replace(next(iter(classical.values())), about=judged.about)
        run.write_evidence(f"baseline-{split}", unchanged)
        return unchanged
    task = trained.task_of(run.config)
    truths = (record.answer() for record in sources.records_of(training))
    rule = task.baseline(truths, trained.sizes(training), source.class_names)
    dataset = source.split(split)
    guessed = evaluator.of_rule(rule, judged, task, dataset, trained.sizes(dataset))
    deployed = trained.deployed(run.config)
    evidence = replace(guessed, statistics=guessed.statistics.with_options(**deployed))
    run.write_evidence(f"baseline-{split}", evidence)
    return evidence
