"""What the training pictures of a run are like to its network: kept in its folder, for ``predict``."""

import warnings

from clearsight.files.tree import load_tree, save_tree
from clearsight.inference.familiarity import Familiarity, Nearest
from clearsight.loading.trained import network_hash
from clearsight.run import Run

FILE = "familiarity.safetensors"
VERSION = 1


class ChangedNetwork(UserWarning):
    """What was fitted for a network no longer fits it, since it was changed."""


def keep(run: Run, familiarity: Familiarity) -> None:
    """Keep it in the run, in place of any before."""
    content = {
        "version": VERSION,
        "features": familiarity.nearest.features,
        "k": familiarity.nearest.k,
        "threshold": familiarity.threshold,
        "pictures": familiarity.pictures,
        "network": familiarity.network,
    }
    save_tree(run.path / FILE, content)


def kept(run: Run) -> Familiarity | None:
    """What the run keeps; None where it keeps none, or, with a warning, where its network has changed since.

    Raises ValueError where the file is damaged, or of a newer version.
    """
    path = run.path / FILE
    if not path.is_file():
        return None
    content = load_tree(path)
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise ValueError(
            f"{path} is not of this version of clearsight. Expected what `clearsight stress` writes: run it again."
        )
    if content["network"] != network_hash(run):
        warnings.warn(
            f"{run.path} has changed since it was found out what is unlike its training pictures, so no picture is "
            "marked as such. Run `clearsight stress` again.",
            ChangedNetwork,
            stacklevel=2,
        )
        return None
    return Familiarity(
        nearest=Nearest(features=content["features"], k=content["k"]),
        threshold=content["threshold"],
        pictures=content["pictures"],
        network=content["network"],
    )
