"""Judge a run by a policy that was written down before: pass, fail, or insufficient evidence."""

from pathlib import Path

from clearsight.acceptance import written
from clearsight.acceptance.decision import Gated
from clearsight.acceptance.judging import judged
from clearsight.acceptance.policy import Policy
from clearsight.files import durable
from clearsight.run import Run


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
    found = judged(run, policy, against, key)
    for place, content in ((markdown, written.markdown(found).encode()), (junit, written.junit(found))):
        if place is not None:
            durable.write_bytes(Path(place), content)
    return found
