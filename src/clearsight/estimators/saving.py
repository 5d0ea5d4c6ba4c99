"""A fitted pipeline as a file that is safe to read on any machine: skops, never pickle."""

import io
import zipfile

from sklearn.pipeline import Pipeline

# Beyond what skops itself trusts, which is scikit-learn, NumPy and SciPy. Nothing else is ever built from a file.
TRUSTED = (
    "numpy.dtype",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)


def to_bytes(pipeline: Pipeline) -> bytes:
    """The content of ``model.skops``."""
    import skops.io  # takes almost a second: pictures are trained on without it

    return bytes(skops.io.dumps(pipeline, compression=zipfile.ZIP_DEFLATED))


def from_bytes(content: bytes, where: str) -> Pipeline:
    """The pipeline of such a file; raises ValueError where it is broken, or holds anything that is not trusted."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError(f"{where} is damaged: it is not a skops file. Restore it from a copy, or train again.")
    import skops.io

    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
        if untrusted:
            raise ValueError(
                f"{where} holds {', '.join(untrusted[:5])}, which no model of clearsight does, and was not opened. "
                "It may have been made to harm. Restore the file from where the run was trained."
            )
        found = skops.io.loads(content, trusted=list(TRUSTED))
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, ImportError, EOFError, OSError) as error:
        raise ValueError(
            f"{where} is damaged or was written by another version ({type(error).__name__}: {error}). "
            "Restore it from a copy, or train again."
        ) from error
    if not isinstance(found, Pipeline) or "prepare" not in found.named_steps or "model" not in found.named_steps:
        raise ValueError(f"{where} holds no model of a table. Restore the file from where the run was trained.")
    return found
