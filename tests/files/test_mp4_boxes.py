"""What a film says of itself: in a file that still plays, whole, broken, very large, or of another kind."""

import errno
import os
import struct

import cv2
import numpy as np
import pytest

from clearsight.files import credentials, mp4_boxes
from clearsight.files.generated_pictures import FROM_A_PICTURE, mark_film
from clearsight.files.mp4_boxes import XMP, append_xmp, boxes, xmp_of
from clearsight.files.stated_origin import stated_origin

ABOUT = {"generated": True, "run": "colour-1", "made_from": 'a "quoted" <film> & \u20ac \udcff.avi'}


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setattr(credentials, "available", lambda: False)


def film(path, code="mp4v", count=5):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 10, (32, 24))
    for number in range(count):
        writer.write(np.full((24, 32, 3), 40 * number, np.uint8))
    writer.release()
    return path


def frames(path):
    """Every frame that OpenCV reads of a film."""
    capture, found = cv2.VideoCapture(str(path)), []
    while (frame := capture.read())[0]:
        found.append(frame[1])
    capture.release()
    return np.stack(found)


def listed(path):
    """An oracle of its own: the types of the boxes by a walk over the bytes."""
    content, place, kinds = path.read_bytes(), 0, []
    while place < len(content):
        kinds.append(content[place + 4 : place + 8])
        place += int.from_bytes(content[place : place + 4], "big")
    assert place == len(content)
    return kinds


def test_a_marked_film_says_so_plays_as_before_and_is_as_it_was_in_front(tmp_path):
    place = film(tmp_path / "film.mp4")
    content, before, kinds = place.read_bytes(), frames(place), listed(place)
    assert not stated_origin(place).generated and stated_origin(place).about == {}
    mark_film(place, ABOUT, FROM_A_PICTURE)
    assert np.array_equal(frames(place), before) and len(before) == 5
    assert place.read_bytes()[: len(content)] == content and listed(place) == [*kinds, b"uuid"]
    assert place.read_bytes()[len(content) + 8 :][:16] == XMP == bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    said = stated_origin(place)
    assert said.generated and said.code == FROM_A_PICTURE.code and said.about == ABOUT
    assert FROM_A_PICTURE.words.encode() in place.read_bytes()
    with pytest.raises(ValueError, match="it has XMP already"):
        mark_film(place, ABOUT)
    assert stated_origin(place).about == ABOUT


@pytest.mark.parametrize("left", [0, 3, 11, 30, 400, -1])
def test_a_film_that_is_cut_off_is_said_to_be_and_is_never_marked(tmp_path, left):
    place = film(tmp_path / "film.mp4")
    place.write_bytes(place.read_bytes()[: left if left >= 0 else -1])
    content = place.read_bytes()
    with pytest.raises(ValueError, match=r"film\.mp4.*(cut off or damaged|is no )"):
        mark_film(place, ABOUT)
    assert place.read_bytes() == content
    with pytest.raises(ValueError, match=r"film\.mp4.*(cut off|is no PNG)"):
        stated_origin(place)


def test_a_mark_that_was_cut_off_says_nothing_and_harms_nothing(tmp_path):
    """As after a writer that was killed in the middle of it."""
    place = film(tmp_path / "film.mp4")
    before = frames(place)
    mark_film(place, ABOUT)
    place.write_bytes(place.read_bytes()[:-10])
    assert np.array_equal(frames(place), before)
    with pytest.raises(ValueError, match="cut off or damaged: a part at byte"):
        stated_origin(place)


def test_a_full_disk_leaves_the_film_as_it_was(tmp_path, monkeypatch):
    place = film(tmp_path / "film.mp4")
    content = place.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mp4_boxes.os, "fsync", full)
    with pytest.raises(ValueError, match=r"could not write film\.mp4: No space left"):
        mark_film(place, ABOUT)
    assert place.read_bytes() == content


@pytest.mark.parametrize(("name", "code"), [("old.avi", "MJPG"), ("text.mp4", "")])
def test_another_container_is_one_message(tmp_path, name, code):
    place = tmp_path / name
    film(place, code) if code else place.write_text("no film at all, however long the words that follow it are")
    content = place.read_bytes()
    with pytest.raises(ValueError, match="is no MP4 file"):
        mark_film(place, ABOUT)
    with pytest.raises(ValueError, match="is no PNG, JPEG, GIF or MP4 file"):
        stated_origin(place)
    assert place.read_bytes() == content
    with pytest.raises(ValueError, match="cannot read"):
        stated_origin(tmp_path / "none.mp4")


def test_a_film_of_more_than_4_gib_is_marked_and_read_by_its_headers_alone(tmp_path):
    """Its pictures are a hole in the file: 5 GiB that no disk holds and nobody reads."""
    place, size = tmp_path / "long.mp4", 5 * 2**30
    head = struct.pack(">I4s8s", 16, b"ftyp", b"isom\0\0\2\0") + struct.pack(">I4sQ", 1, b"mdat", 16 + size)
    with place.open("wb") as file:
        file.write(head)
        file.seek(size, os.SEEK_CUR)
        file.write(struct.pack(">I4s8x", 16, b"moov"))
    append_xmp(place, b"<x/>")
    with place.open("rb") as file:
        found = list(boxes(file))
        assert [one.kind for one in found] == [b"ftyp", b"mdat", b"moov", b"uuid"]
        assert found[1].end - found[1].start == size and xmp_of(file) == b"<x/>"


def test_a_part_without_a_length_at_the_end_takes_no_mark(tmp_path):
    place = tmp_path / "open.mp4"
    place.write_bytes(
        struct.pack(">I4s8s", 16, b"ftyp", b"isom\0\0\2\0") + struct.pack(">I4s", 8, b"moov")
        + struct.pack(">I4s", 0, b"mdat") + b"pictures"
    )  # fmt: skip
    with pytest.raises(ValueError, match="nothing can be put behind its last part"):
        append_xmp(place, b"<x/>")
    assert not stated_origin(place).generated


def test_a_film_of_very_many_parts_ends_in_an_error_and_not_in_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(mp4_boxes, "BOXES", 50)
    place = tmp_path / "many.mp4"
    place.write_bytes(struct.pack(">I4s8s", 16, b"ftyp", b"isom\0\0\2\0") + 60 * struct.pack(">I4s", 8, b"free"))
    with pytest.raises(ValueError, match="damaged"):
        stated_origin(place)
