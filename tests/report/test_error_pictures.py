"""Pictures of errors stand under "What breaks it", by what they have in common, and not among the best and worst."""

from clearsight.report.pictures import by_subject, grids
from clearsight.types import Example

JPEG = b"\xff\xd8\xff\xe0 not looked at further"


def test_errors_are_grouped_in_the_order_of_the_card(tmp_path):
    (tmp_path / "one.jpg").write_bytes(JPEG)
    examples = (
        Example(path="one.jpg", caption="best", kind="best"),
        Example(path="one.jpg", caption="a", kind="error", about="Poor localisation"),
        Example(path="one.jpg", caption="b", kind="error", about="Missed"),
        Example(path="one.jpg", caption="c", kind="error", about="Poor localisation"),
    )
    found = by_subject(examples, tmp_path, "error", "Errors")
    assert [(title, [each.caption for each in mine]) for title, mine in found] == [
        ("Poor localisation", ["a", "c"]),
        ("Missed", ["b"]),
    ]
    assert [(title, len(mine)) for title, mine in grids(examples, tmp_path)] == [("Best", 1)]
    assert by_subject(examples[:1], tmp_path, "error", "Errors") == []
