"""What there is to choose from, as a person reads it: no markup of docstrings."""

import pytest

from clearsight.printing import parts


@pytest.mark.parametrize("listed", [parts.datasets, parts.models])
def test_lists_are_plain_text(listed) -> None:
    text = listed()
    assert "``" not in text and "`" not in text.replace("`class x y w h`", ""), text


def test_summaries_in_json_are_the_same_text() -> None:
    rows = [*parts.dataset_rows(), *parts.model_rows()]
    assert rows and not any("``" in row["summary"] for row in rows)
    assert any("`class x y w h`" in row["summary"] for row in parts.dataset_rows())
