"""What is asked of a trained generator: which classes its pictures are to show, and what it says of itself in them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from clearsight.prediction import writing
from clearsight.run import Run


def labels_for(run: Run, asked: Sequence[str], count: int) -> list[int] | None:
    """The class id of each of so many pictures: those asked for in turn, all where none is named.

    None where the generator knows no classes; raises ValueError where some are asked of it, or one it does not know.
    """
    config = run.config
    if not config.settings["model"].get("conditional"):
        if asked:
            raise ValueError(
                f"{run.path} was not trained to make pictures of a class. Train one with --set conditional=true, or "
                "leave --class out."
            )
        return None
    ids = writing.class_ids(asked, config.class_names) or tuple(range(len(config.class_names)))
    return [ids[k % len(ids)] for k in range(count)]


def origin(run: Run) -> dict[str, Any]:
    """What every generated file says of where it comes from."""
    config = run.config
    return {
        "generated": True, "model": config.model, "run": run.name, "data": config.data_name,
        "data_fingerprint": config.fingerprint, "weights": _digest(run),
    }  # fmt: skip


def _digest(run: Run) -> str:
    with (run.path / "weights.safetensors").open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
