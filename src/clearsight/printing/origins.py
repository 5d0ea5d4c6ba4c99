"""What files say of how they came about, as text for a terminal."""

from collections.abc import Sequence

from clearsight.verbs.origin import StatedOrigin
from clearsight.visible import visible

UNSIGNED = (
    "This is what the files say of themselves, which anybody can change or remove: one that says nothing may still be "
    "made by a model. A signed C2PA manifest, where there is one, is checked by a C2PA reader."
)


def origins(found: Sequence[StatedOrigin]) -> str:
    """Each file, what it says, and what that cannot show."""
    lines = []
    for one in found:
        lines.append(f"{visible(one.file)}: {'made by a model' if one.generated else 'says nothing of a model'}")
        lines += [f"  {visible(str(name))}: {visible(str(value))}" for name, value in one.about.items()]
        lines += [f"  digital source type: {visible(one.code)}"] if one.code else []
    return "\n".join([*lines, UNSIGNED])
