"""No text leaves its box: measured with the letters of a real font, for long, wide and hostile names."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from clearsight.presentation.elements import HEIGHT, WIDTH, Drawing, Table, Words
from clearsight.presentation.fitting import fitted, fitted_together, lines_of
from clearsight.presentation.tables import shares

LIBERATION = Path("/usr/share/fonts/truetype/liberation")
FILES = {
    ("sans", False): "LiberationSans-Regular.ttf", ("sans", True): "LiberationSans-Bold.ttf",
    ("serif", False): "LiberationSerif-Regular.ttf", ("serif", True): "LiberationSerif-Bold.ttf",
}  # fmt: skip


def font(face, bold, size):
    """The font that stands in for Arial and Georgia here; Pillow's own where it is not installed."""
    place = LIBERATION / FILES[face, bold]
    return ImageFont.truetype(str(place), size) if place.is_file() else ImageFont.load_default(size)


def lines_needed(text, width, measure):
    """The lines a program makes of a text: words that do not fit go to the next one, and none may be too wide."""
    lines = 1
    line = ""
    for word in text.split():
        assert measure(word) <= width + 1, f"{word!r} is wider than its box"
        joined = f"{line} {word}".strip()
        if measure(joined) > width:
            lines, line = lines + 1, word
        else:
            line = joined
    return lines


@pytest.mark.parametrize("which", ["card", "long_card", "hostile_card"])
def test_every_text_fits_its_box_and_every_box_the_page(which, paged, request):
    boxes = 0
    for page in paged(request.getfixturevalue(which)):
        for one in page.elements:
            box = one.box
            assert box.x >= 0 and box.y >= 0 and box.x + box.w <= WIDTH + 0.1 and box.y + box.h <= HEIGHT - 15, one
            if isinstance(one, Words):
                letters = font(one.face, one.bold, one.size)
                lines = sum(lines_needed(text, box.w, letters.getlength) for text in one.paragraphs)
                assert lines * one.size * 1.25 + one.gap * (len(one.paragraphs) - 1) <= box.h + 1, one
                boxes += 1
            elif isinstance(one, Table):
                assert sum(one.widths) == pytest.approx(box.w) and sum(one.heights) == pytest.approx(box.h)
                for row, height in zip(one.rows, one.heights, strict=True):
                    for cell, width in zip(row, one.widths, strict=True):
                        letters = font("sans", cell.bold, cell.size)
                        assert lines_needed(cell.text, width, letters.getlength) * cell.size * 1.25 <= height, cell
    assert boxes > 60


def test_long_names_are_still_told_apart(long_card, paged):
    shown = "\n".join(
        text for page in paged(long_card) for one in page.elements for text in getattr(one, "paragraphs", ())
    )
    assert "Eurasian-curlew" in shown and "a class whose name" in shown and "WWW…" in shown


def test_the_smallest_type_can_be_read_from_the_last_row(card, paged):
    for page in paged(card):
        for one in page.elements:
            if isinstance(one, Words):
                assert one.size >= 14
            if isinstance(one, Drawing):
                assert one.box.w >= 400 and one.box.h >= 150


@settings(max_examples=40)
@given(st.text(max_size=120), st.floats(40, 1200), st.floats(30, 300))
def test_fitting_never_exceeds_the_box(text, width, height):
    shown, size = fitted(text, (width, height), (40, 30, 20))
    lines = len(lines_of(shown, width, size))
    assert size in (40, 30, 20) and lines <= max(1, int(height / (size * 1.25) + 1e-6))


@settings(max_examples=30)
@given(st.lists(st.text(max_size=120), max_size=12))
def test_paragraphs_together_never_exceed_the_box(texts):
    shown, size, left_out = fitted_together(texts, (400, 200), (26, 20, 16), 10)
    used = sum(len(lines_of(text, 400, size)) for text in shown) * size * 1.25 + 10 * max(0, len(shown) - 1)
    assert len(shown) + left_out == len(texts) and used <= 200.01


def test_columns_share_what_there_is_and_the_widest_give_way():
    assert shares([100, 50], 300) == (250, 50)
    assert shares([400, 50, 300], 450) == pytest.approx((200, 50, 200))


def rendered(deck: bytes, place: Path):
    """The pages of a deck as LibreOffice prints them; the test is skipped without it."""
    import shutil
    import subprocess

    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("no LibreOffice on this machine")
    (place / "deck.pptx").write_bytes(deck)
    command = [soffice, f"-env:UserInstallation={(place / 'profile').as_uri()}", "--headless", "--convert-to", "pdf"]
    subprocess.run([*command, "deck.pptx"], cwd=place, check=True, capture_output=True, timeout=280)
    return (place / "deck.pdf").read_bytes()


@pytest.mark.slow
def test_libreoffice_prints_every_slide_once_and_loses_no_text(long_card, paged, tmp_path):
    from clearsight.presentation.powerpoint import powerpoint

    pages = paged(long_card)
    printed = rendered(powerpoint(pages, long_card.title, ""), tmp_path)
    assert printed.count(b"/Type/Page/") + printed.count(b"/Type/Page>") + printed.count(b"/Type/Page\n") == len(pages)


def test_every_text_of_the_pages_is_in_the_file(long_card, paged):
    from clearsight.presentation.powerpoint import powerpoint

    pages = paged(long_card)
    with zipfile.ZipFile(io.BytesIO(powerpoint(pages, long_card.title, "A. Person"))) as archive:
        for index, page in enumerate(pages, start=1):
            content = archive.read(f"ppt/slides/slide{index}.xml").decode()
            for one in page.elements:
                for text in getattr(one, "paragraphs", ()):
                    assert text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in content
