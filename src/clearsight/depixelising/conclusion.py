"""The findings of an audit of restorations, and the run's card and report with them."""

from clearsight.audits import depixelising, group_drift
from clearsight.audits.depixelising import belongs as of_consistency
from clearsight.audits.group_drift import belongs as of_drift
from clearsight.depixelising.auditing import Audited
from clearsight.depixelising.sheets import legend, sheet
from clearsight.evaluation.amending import added
from clearsight.generation import restorations
from clearsight.generation.sheets import png
from clearsight.run import Run
from clearsight.types import Card, Example, Finding, Request

SHEET = "examples/restored.png"


def concluded(run: Run, found: Audited, about: dict[str, object]) -> tuple[tuple[Finding, ...], Card]:
    """The findings, and the new card; they take the place of those of an earlier audit of restorations."""
    restorations.replace(run, found.evidence)
    request = Request(
        evidence=found.evidence[restorations.CONSISTENCY],
        more=dict(sorted(found.evidence.items())),
        seed=run.config.seed,
    )
    findings = (*depixelising(request), *group_drift(request))
    run.write_file(SHEET, png(sheet(found.small, found.found, found.true), about))
    example = Example(path=SHEET, kind="restored", caption=f"Held-out pictures, {legend(found.found, known=True)}")
    card = added(
        run, findings, [example], lambda finding: of_consistency(finding) or of_drift(finding), restorations.KIND
    )
    return findings, card
