"""Judge a run by a policy that was written down before: pass, fail, or insufficient evidence."""

from pathlib import Path

from clearsight.acceptance import written
from clearsight.acceptance.change import of_evidence
from clearsight.acceptance.decision import Gated, decided, overall
from clearsight.acceptance.measured import Measured, of_card
from clearsight.acceptance.policy import Policy, Threshold
from clearsight.comparison.paired import shared
from clearsight.files import durable
from clearsight.run import Run
from clearsight.signatures import keys, signed_run
from clearsight.types import Evidence


def gate(
    run: Run | str | Path,
    policy: Policy | str | Path,
    *,
    against: Run | str | Path | None = None,
    key: str | Path | None = None,
    markdown: str | Path | None = None,
    junit: str | Path | None = None,
) -> Gated:
    """The verdict of a policy on a run, by the numbers of its report and, for changes, by its evidence.

    Args:
        policy: a ``Policy``, or a TOML file of one.
        against: the earlier run that ``worse_by_at_most`` compares with; that of the policy where None. It must be
            signed and unchanged, so that nobody can lower the bar.
        key: the public key of its signer; that of the policy where None.
        markdown: write the verdict to this file as Markdown, ``junit`` as JUnit XML.

    Raises:
        ValueError: a key, metric or group that is not there (with the nearest), a run without a card, an earlier run
            that is not signed or was changed, or runs that were not judged on the same pictures.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    policy = policy if isinstance(policy, Policy) else Policy.read(policy)
    card = run.read_card()
    compares = any(threshold.compares for threshold in policy.thresholds)
    earlier = _earlier(policy, against, key) if compares else None
    evidence = None if earlier is None else tuple(shared([earlier[0], run])[1])
    found: list[tuple[Threshold, Measured]] = []
    for threshold in policy.thresholds:
        measured = of_evidence(*_both(evidence), threshold) if threshold.compares else of_card(card, threshold)
        found += [(threshold, one) for one in measured]
    checks, tested = decided(policy, found)
    result = Gated(
        verdict=overall(checks),
        run=str(run.path),
        title=card.title,
        confidence=policy.confidence,
        checks=checks,
        tested=tested,
        against="" if earlier is None else str(earlier[0].path),
        notes=() if earlier is None else earlier[1],
    )
    for place, content in ((markdown, written.markdown(result).encode()), (junit, written.junit(result))):
        if place is not None:
            durable.write_bytes(Path(place), content)
    return result


def _both(evidence: tuple[Evidence, ...] | None) -> tuple[Evidence, Evidence]:
    assert evidence is not None, "an earlier run was found for every threshold that compares"
    old, new = evidence
    return old, new


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
