"""What a run keeps of restoring small pictures by search in its latents, for every later audit of it."""

from collections.abc import Mapping

from clearsight.loading import trained
from clearsight.metrics.depixelising import DepixelisingStatistics
from clearsight.metrics.group_drift import GroupDriftStatistics
from clearsight.run import Run
from clearsight.types import Evidence, Example

FOLDER = "depixelising"
CONSISTENCY, GROUP = "consistency", "group-"
KIND = "restored"


def replace(run: Run, evidence: Mapping[str, Evidence]) -> None:
    """Keep evidence by its names, ``CONSISTENCY`` or ``GROUP`` and an attribute, in place of what was kept before."""
    former = {run.path / "evidence" / f"{name}.safetensors" for name in run.evidence_in(FOLDER)}
    for name, one in evidence.items():
        run.write_evidence(f"{FOLDER}/{name}", one)
        former.discard(run.path / "evidence" / FOLDER / f"{name}.safetensors")
    for path in former:
        path.unlink(missing_ok=True)


def about_weights(run: Run) -> dict[str, str]:
    """What evidence has to say of itself, so that it is known to be of these weights."""
    return {"weights": trained.network_hash(run)}


def kept(run: Run) -> dict[str, Evidence]:
    """The evidence that is kept, by name; nothing where the weights have changed since."""
    found, names = {}, run.evidence_in(FOLDER)
    about = about_weights(run) if names else {}  # all weights are read for it
    for name in names:
        statistics = GroupDriftStatistics if name.startswith(f"{FOLDER}/{GROUP}") else DepixelisingStatistics
        one = run.read_evidence(name, statistics)
        if about.items() <= one.about.items():
            found[name] = one
    return found


def kept_examples(run: Run) -> list[Example]:
    """The sheets of restored pictures in the run's card, where evidence of them is kept."""
    if not (run.path / "card.json").is_file() or not kept(run):
        return []
    return [example for example in run.read_card().examples if example.kind == KIND]
