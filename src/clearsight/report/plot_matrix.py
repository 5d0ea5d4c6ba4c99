"""The "matrix" plot: true classes down, predicted ones across, each cell as dark as its share of the row."""

from markupsafe import Markup

from clearsight.quantities import number
from clearsight.report.series import Row, axis, rows, words
from clearsight.report.svg import SIZE_PX, SMALL_PX, WIDTHS, Shape, frame, leading, tag, write
from clearsight.report.wording import shortened, width_of
from clearsight.types import Finding

LABEL_PX = 150.0
CELL_PX = 64.0
NUMBER_PX = 27.0  # a cell smaller than that has no room for its number


def draw_matrix(finding: Finding, shape: Shape, key: str) -> Markup:
    """A square cell for each pair of classes; its share as a percentage where there is room, and on hover."""
    points = rows(finding)
    names = list(dict.fromkeys(words(row["truth"]) for row in points))
    longest = max(width_of(name, SMALL_PX) for name in names)
    left = min(longest + 10, LABEL_PX if shape == "wide" else LABEL_PX / 2)
    side = min(CELL_PX, (WIDTHS[shape] - left - 8) / len(names))
    slanted = side < longest + 6
    top = 24 + (min(longest, LABEL_PX) * 0.75 + 8 if slanted else 18)
    down, across = f"{axis(finding, 0, 'true class')} ↓", f"{axis(finding, 1, 'predicted class')} →"
    drawn = [write(0, 12, down, "axis"), write(max(left, width_of(down, SMALL_PX) + 14), 12, across, "axis")]
    place = {name: index for index, name in enumerate(names)}
    for name, index in place.items():
        middle = (index + 0.5) * side
        label = shortened(name, left - 8, SMALL_PX)
        drawn.append(write(left - 6, top + middle + 4, label, "tick", "end", full=name))
        drawn.append(_heading(name, left + middle, top - 6, slanted))
    for row in points:
        x, y = left + place[words(row["answer"])] * side, top + place[words(row["truth"])] * side
        drawn += leading(row["pictures"], _cell(row, x, y, side))
    height = top + side * len(names) + 6
    told = f"{finding.claim} Rows: {axis(finding, 0, 'true class')}. Columns: {axis(finding, 1, 'predicted class')}."
    return frame(shape, (WIDTHS[shape], height), (key, finding.claim, told), drawn)


def _heading(name: str, x: float, y: float, slanted: bool) -> Markup:
    if not slanted:
        return write(x, y, name, "tick", "middle")
    hover = tag("title", name)
    label = shortened(name, LABEL_PX, SMALL_PX)
    return tag("text", label, hover, x=x, y=y, class_="tick", transform=f"rotate(-48 {x:.1f} {y:.1f})")


def _cell(row: Row, x: float, y: float, side: float) -> list[Markup]:
    share = number(row["share"])
    right = words(row["truth"]) == words(row["answer"])
    if share is None:
        return [tag("rect", x=x + 0.5, y=y + 0.5, width=side - 1, height=side - 1, class_="cell none")]
    hover = tag("title", f"{words(row['truth'])} predicted as {words(row['answer'])}: {share:.1%} (n = {row['n']})")
    kind = "cell right" if right else "cell wrong"
    # The opacity carries the share; a square root lets small confusions be seen.
    cell = tag(
        "rect", hover, x=x + 0.5, y=y + 0.5, width=side - 1, height=side - 1, class_=kind,
        fill_opacity=f"{share**0.5:.2f}",
    )  # fmt: skip
    base = tag("rect", x=x + 0.5, y=y + 0.5, width=side - 1, height=side - 1, class_="cell none")
    if side < NUMBER_PX or share < 0.005:
        return [base, cell]
    size = "number inside strong" if share > 0.5 else "number inside"
    return [base, cell, write(x + side / 2, y + side / 2 + SIZE_PX / 3, f"{100 * share:.0f}", size, "middle")]
