"""A run judged by a policy: the numbers of its report and, for changes, its evidence beside that of an earlier run."""

from pathlib import Path

from clearsight.acceptance.change import of_evidence
from clearsight.acceptance.decision import Gated, decided, overall
from clearsight.acceptance.measured import Measured, of_card
from clearsight.acceptance.policy import Policy, Threshold
from clearsight.comparison.paired import shared
from clearsight.run import Run
from clearsight.signatures import keys, signed_run


def judged(
    run: Run | str | Path,
    policy: Policy | str | Path,
    against: Run | str | Path | None = None,
    key: str | Path | None = None,
) -> Gated:
    """The verdict of a policy on a run (see ``verbs.gate``)."""
    run = run if isinstance(run, Run) else Run.open(run)
    policy = policy if isinstance(policy, Policy) else Policy.read(policy)
    card = run.read_card()
    earlier, notes, evidence = None, (), None
    if any(threshold.compares for threshold in policy.thresholds):
        earlier, notes = _earlier(policy, against, key)
        evidence = shared([earlier, run])[1]
    found: list[tuple[Threshold, Measured]] = []
    for threshold in policy.thresholds:
        if threshold.compares and evidence is not None:
            measured = of_evidence(evidence[0], evidence[1], threshold)
        else:
            measured = of_card(card, threshold)
        found += [(threshold, one) for one in measured]
    checks, tested = decided(policy, found)
    return Gated(
        verdict=overall(checks),
        run=str(run.path),
        title=card.title,
        confidence=policy.confidence,
        checks=checks,
        tested=tested,
        against="" if earlier is None else str(earlier.path),
        notes=notes,
    )


def _earlier(policy: Policy, against: Run | str | Path | None, key: str | Path | None) -> tuple[Run, tuple[str, ...]]:
    """The earlier run, once it is as it was signed, and what a reader must know of that."""
    named = against or policy.against
    if not named:
        raise ValueError(
            "the policy compares with an earlier run (worse_by_at_most), and none is named. Name it in the policy "
            '(against = "runs/..."), or with --against.'
        )
    run = named if isinstance(named, Run) else Run.open(named)
    public = key or policy.against_key
    found = signed_run.verify(run, keys.read_public(public) if public else None)
    if not found.valid:
        raise ValueError(
            f"{run.path} is not as it was signed: {found.problems[0]} Compare with a run that is, or sign this one "
            "again if the change was yours."
        )
    unknown = (
        f"The signature of {run.path} was checked by the key that it names itself: name its signer's public key with "
        "against_key."
    )
    return run, () if public else (unknown,)
