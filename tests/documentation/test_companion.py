"""The companion to the lecture: each page executes as it stands, and shows what it made."""

import io
import re
import sys
import time

import pages
import pytest
from PIL import Image

sys.path.insert(0, str(pages.ROOT / "docs"))
import execute_companion as companion

PAGES = companion.pages()
MOST_BYTES_TOGETHER = 3_000_000
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page in a folder of its own, whose text the test writes."""
    monkeypatch.setattr(companion, "FOLDER", tmp_path)
    return tmp_path / "sample.md"


@pytest.fixture(scope="module")
def whole():
    """Every page executed, as many at once as there are processors; and the seconds by the clock."""
    start = time.monotonic()
    return dict(companion.executed_together(PAGES)), time.monotonic() - start


@pytest.mark.slow
@EVERY_PAGE
def test_it_executes_in_two_minutes_and_makes_what_it_shows(page, whole):
    found = whole[0][page]
    assert isinstance(found, companion.Executed), found
    assert found.pictures.keys() == set(companion.shown_pictures(page.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_all_pages_execute_in_ten_minutes(whole):
    assert whole[1] < 600


@EVERY_PAGE
def test_it_has_a_title_records_modest_pictures_and_questions(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(r"# \w", text)
    blocks = companion.blocks(text)
    assert any(block.kind == "sh" for block in blocks)
    for block in blocks:
        silent = block.kind != "sh" or re.search(r"> \S+$", block.text)  # into a file, which the page reads
        assert silent or block.record.stop > block.record.start, f"{page.name}:{block.line}: not executed"
    shown = companion.shown_pictures(text)
    assert shown
    for name in shown:
        content = (companion.FOLDER / name).read_bytes()
        assert name.startswith(f"pictures/{page.stem}/") and len(content) <= companion.MOST_BYTES
        if not name.endswith(".svg"):
            assert Image.open(io.BytesIO(content)).width <= 1600
    title, *questions = re.split(r"^\d\. ", text.split("\n## ")[-1], flags=re.MULTILINE)
    assert title.startswith("Questions to try\n") and 3 <= len(questions) <= 5
    assert all("`" in question and "?" in question for question in questions)


def test_every_page_is_listed_and_every_picture_shown():
    listed = (pages.ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert all(f"\ncompanion/{page.stem}\n" in listed for page in [companion.FOLDER / "index.md", *PAGES])
    shown = {companion.FOLDER / name for page in PAGES for name in companion.shown_pictures(page.read_text("utf-8"))}
    files = {path for path in (companion.FOLDER / "pictures").rglob("*") if path.is_file()}
    assert files == shown and sum(path.stat().st_size for path in files) <= MOST_BYTES_TOGETHER


def test_what_blocks_print_is_recorded_after_them_and_pictures_are_copied(page):
    page.write_text(
        "# Sample\n\n```sh\necho 'First\n\nwhole: 1\nand more\n\nlast' > said; cat said\n```\n"
        "<!-- shown: whole -->\n\n```python\nnumber = open('said').read().count('\\n')\n```\n\n"
        "```text\nof before\n```\n\nProse.\n\n```python\n"
        "print(number)\nfrom PIL import Image\nImage.new('L', (9, 9)).save('pictures/sample/dot.png')\n```\n\n"
        "![A dot](pictures/sample/dot.png)\n",
        "utf-8",
    )
    old = companion.FOLDER / "pictures" / "sample" / "old.png"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")
    first = companion.executed(page)
    companion.write(page, first)
    text = page.read_text("utf-8")
    assert "```\n\n<!-- shown: whole -->\n```text\n[…]\n\nwhole: 1\nand more\n\n[…]\n```\n\n```py" in text
    assert "of before" not in text and "\n```\n\nProse." in text and "```\n\n```text\n6\n```\n\n![A dot]" in text
    assert [path.name for path in old.parent.iterdir()] == ["dot.png"]
    assert companion.executed(page).text == text  # recorded once more, nothing changes


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ("```sh\nfalse\n```\n", r"sample.md:3: this command ended with status 1"),
        ("```sh\nfalse | cat\n```\n", "status 1"),
        ("```python\n\n1 / 0\n```\n", r'sample.md", line 4'),
        ("```sh\nsleep 60\n```\n", "not done after 2 s"),
        ("```sh\npwd\n```\n", "prints its folder"),
        ("```sh\necho a\n```\n<!-- shown: b -->\n", "begins with b"),
        ("![None](pictures/sample/none.png)\n", "none of its blocks writes"),
        ("```sh\ntouch pictures/a.png\n```\n![A](pictures/a.png)\n", "lie in pictures/sample/"),
        (
            "```sh\nhead -c 90000 /dev/zero > pictures/sample/a.png\n```\n![A](pictures/sample/a.png)\n",
            "90,000 bytes. Expected at most 80,000",
        ),
    ],
)
def test_a_page_that_fails_is_left_as_it_is(page, blocks, said):
    page.write_text(f"# Sample\n{blocks}", "utf-8")
    with pytest.raises(companion.Failure, match=said):
        companion.executed(page, limit_s=2)
    assert page.read_text("utf-8") == f"# Sample\n{blocks}" and list(page.parent.iterdir()) == [page]
