"""Which code made a run: versions, platform and a fingerprint of the package itself.

It names no folder, no user and no host, so it can be published with the run.
"""

import hashlib
import importlib.metadata
import platform
from pathlib import Path

_PACKAGES = (
    *("clearsight", "torch", "torchvision", "timm", "lightning-fabric", "numpy", "scipy", "scikit-learn", "polars"),
    *("pillow", "safetensors", "nvidia-ml-py"),
)
_SOURCES = (".py", ".csv", ".jinja", ".css", ".js")


def provenance() -> dict[str, str]:
    """Versions of Python and of what decides results, the platform, and ``code``: the sources' fingerprint."""
    facts = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    facts |= {name: version(name) for name in _PACKAGES}
    return facts | {"code": fingerprint(Path(__file__).parent.parent)}


def version(package: str) -> str:
    """The version of an installed package; "not installed" where it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def fingerprint(folder: Path) -> str:
    """``sha256:`` over the names and contents of the source files below a folder, whatever the order of its listing."""
    total = hashlib.sha256()
    sources = [path for path in folder.rglob("*") if path.suffix in _SOURCES and path.is_file()]
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in sources):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return f"sha256:{total.hexdigest()}"
