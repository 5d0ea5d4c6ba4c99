"""Whether what serves pages is installed; apart from the other files here, which import it."""

import importlib.util

NEEDED = {"fastapi": "fastapi", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}


def check() -> None:
    """Raise ValueError where a package is missing, with how to install it."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ValueError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, and the server needs "
            f"{'it' if len(missing) == 1 else 'them'}. In the folder of clearsight's source: pip install '.[serve]'."
        )
