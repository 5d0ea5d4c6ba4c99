"""Judge a trained model on data: evidence in the run folder, and the metrics with their intervals."""

from pathlib import Path

from clearsight.audits import scores
from clearsight.audits.shared_clusters import too_good
from clearsight.evaluation.judging import check_for_a_table, judged, judged_split, read_for
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.tabular.training import evaluate_table
from clearsight.types import Evidence, Finding, Request


def evaluate(
    run: Run | str | Path,
    data: str | Path,
    *,
    split: str | None = None,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str | None = None,
    skip_bad: bool = False,
    quiet: bool = True,
) -> Evidence:
    """Evaluate a run on data and keep the evidence in its folder as ``<data>-<split>``.

    Evidence of other data of that name is kept too: the new one's name then ends in the data's fingerprint.

    ``split`` is "test" where the data has it, else "val", else all pictures. The thresholds settled in training are
    used as they are, so on new data nothing is chosen with a look at the answers. ``cluster`` is "auto", "none" or an
    attribute, as in ``train``; of the run's own data what it was trained with, unless said.

    Raises:
        ValueError: bad data, classes the model does not know, a run without weights.
    """
    run = trained.opened(run)
    if run.config.settings.get("table"):
        check_for_a_table(cluster)
        return evaluate_table(run, data, attributes=attributes, skip_bad=skip_bad)
    source = read_for(run, data, attributes, skip_bad, target, cluster)
    return judged(run, source, split or judged_split(source), quiet)


def metrics(evidence: Evidence, seed: int = 0) -> tuple[Finding, ...]:
    """Every metric of the evidence with its interval."""
    return scores(Request(evidence=evidence, seed=seed))


def notes(evidence: Evidence) -> tuple[str, ...]:
    """What must be known before the metrics are read: that judged data were trained on, or that nothing was judged."""
    stored = evidence.about.get("stored")
    return (*too_good(evidence), *([stored] if stored else []))
