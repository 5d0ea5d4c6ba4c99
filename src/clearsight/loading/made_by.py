"""What the file of a picture says of the run that made it."""

import hashlib
from typing import Any

from clearsight.files import credentials
from clearsight.run import Run


def made_by(run: Run, **more: Any) -> dict[str, Any]:
    """That it was generated, by which weights of which run, learnt from which data; ``more`` is said besides.

    Raises ValueError where files are to be signed and the key cannot be used.
    """
    credentials.check()
    config = run.config
    with (run.path / "weights.safetensors").open("rb") as file:
        weights = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return {
        "generated": True, "model": config.model, "run": run.name, "data": config.data_name,
        "data_fingerprint": config.fingerprint, "weights": weights, **more, "provenance": credentials.kind(),
    }  # fmt: skip
