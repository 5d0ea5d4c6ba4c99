"""Text made to fit its box: set smaller, wrapped, and shortened where it still would not fit.

Widths are estimates on the safe side (`report.wording.width_of`), with a margin for the letters of a serif or of bold
type, and for the wider fonts that a program takes where it lacks ours.
"""

from collections.abc import Sequence
from typing import Literal

from clearsight.report.wording import shortened, width_of

Face = Literal["sans", "serif"]
LINE = 1.25  # height of a line as a share of its size
WIDER = {("sans", False): 1.04, ("sans", True): 1.14, ("serif", False): 1.12, ("serif", True): 1.24}


def measured(text: str, size: float, face: Face = "sans", bold: bool = False) -> float:
    """About how wide a line of text is in px, on the safe side."""
    return width_of(text, size) * WIDER[face, bold]


def cut(text: str, width: float, size: float, face: Face = "sans", bold: bool = False) -> str:
    """The text, or its beginning and end around an ellipsis where a line of that width has no room for it."""
    return shortened(text, width / WIDER[face, bold], size)


def lines_of(text: str, width: float, size: float, face: Face = "sans", bold: bool = False) -> list[str]:
    """The text wrapped at spaces; a word that is wider than a line is shortened to one."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and measured(joined, size, face, bold) <= width:
            lines[-1] = joined
        else:
            lines.append(cut(word, width, size, face, bold))
    return lines


def fitted(
    text: str, box: tuple[float, float], sizes: Sequence[float], face: Face = "sans", bold: bool = False
) -> tuple[str, float]:
    """The text and the greatest of the sizes at which it fits into the box of (width, height).

    Where none does, the last size, and the text ends in an ellipsis at a word.
    """
    width, height = box
    lines: list[str] = []
    for size in sizes:
        lines = lines_of(text, width, size, face, bold)
        if len(lines) * size * LINE <= height + 0.01:
            return " ".join(lines), size
    size = sizes[-1]
    most = max(1, int(height / (size * LINE)))
    last = lines[most - 1]
    while " " in last and measured(f"{last} …", size, face, bold) > width:
        last = last.rpartition(" ")[0]
    if measured(f"{last} …", size, face, bold) > width:
        return " ".join([*lines[: most - 1], cut(f"{last}…", width, size, face, bold)]), size
    return " ".join([*lines[: most - 1], f"{last} …"]), size


def fitted_together(
    texts: Sequence[str], box: tuple[float, float], sizes: Sequence[float], gap: float
) -> tuple[list[str], float, int]:
    """Paragraphs with a gap between them, all at one size; and how many at the end had no room.

    A paragraph of more than three lines at the smallest size is shortened to three.
    """
    width, height = box
    for size in sizes:
        every = [lines_of(text, width, size) for text in texts]
        if sum(len(lines) * size * LINE for lines in every) + gap * (len(texts) - 1) <= height:
            return [" ".join(lines) for lines in every], size, 0
    taken: list[str] = []
    size, used = sizes[-1], 0.0
    for text in texts:
        short, _ = fitted(text, (width, 3 * size * LINE), (size,))
        needed = len(lines_of(short, width, size)) * size * LINE + (gap if taken else 0.0)
        if used + needed > height:
            break
        taken.append(short)
        used += needed
    return taken, size, len(texts) - len(taken)
