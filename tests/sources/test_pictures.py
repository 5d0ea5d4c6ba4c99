"""Pictures of every colour mode, rotation and fault."""

import io

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from clearsight.sources.samples import pictures
from clearsight.sources.samples.pictures import PictureError


def encoded(image, format="PNG", **choices):
    file = io.BytesIO()
    image.save(file, format, **choices)
    return file.getvalue()


def pixel(image, row=0, column=0):
    return image[:, row, column].tolist()


def test_rgb_is_unchanged_and_channels_come_first():
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    decoded = pictures.decode(encoded(Image.fromarray(array)))
    assert decoded.dtype == torch.uint8 and decoded.is_contiguous()
    assert np.array_equal(decoded.permute(1, 2, 0).numpy(), array)


def test_grey_and_one_bit():
    assert pixel(pictures.decode(encoded(Image.new("L", (3, 2), 77)))) == [77] * 3
    assert pixel(pictures.decode(encoded(Image.new("1", (3, 2), 1)))) == [255] * 3


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_range(format):
    array = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    assert pictures.decode(encoded(Image.fromarray(array), format))[0].tolist() == [[0, 1, 128, 255]]


def test_values_without_a_range_are_refused():
    for array in (np.ones((2, 2), np.float32), np.full((2, 2), 70000, np.int32)):
        data = encoded(Image.fromarray(array), "TIFF")
        with pytest.raises(PictureError, match="range"):
            pictures.decode(data)
    assert pictures.probe(encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))[1] is not None


def test_alpha_is_composited_on_white():
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 0))
    image.putpixel((1, 0), (0, 100, 0, 255))
    decoded = pictures.decode(encoded(image))
    assert pixel(decoded) == [255] * 3 and pixel(decoded, 0, 1) == [0, 100, 0]
    assert pixel(pictures.decode(encoded(Image.new("LA", (2, 1), (0, 0))))) == [255] * 3
    assert pixel(pictures.decode(encoded(Image.new("L", (2, 1), 9), transparency=9))) == [255] * 3


def test_palette_with_and_without_transparency():
    image = Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4)
    assert pixel(pictures.decode(encoded(image))) == [10, 200, 30]
    index = image.getpixel((0, 0))
    for transparency in (index, bytes([0 if i == index else 255 for i in range(4)])):
        assert pixel(pictures.decode(encoded(image, transparency=transparency))) == [255] * 3


def test_cmyk_jpeg():
    decoded = pictures.decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    assert pixel(decoded)[0] > 230 and max(pixel(decoded)[1:]) < 30


CORNERS = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_and_probed(format, orientation):
    # The stored top left is the seen corner that the EXIF standard names.
    image = Image.new("RGB", (48, 32))
    image.paste((255, 255, 255), (0, 0, 16, 16))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encoded(image, format, exif=exif)
    size, problem = pictures.probe(data)
    decoded = pictures.decode(data)
    assert problem is None
    assert size == tuple(decoded.shape[1:]) == ((48, 32) if orientation >= 5 else (32, 48))
    row, column = CORNERS[orientation]
    assert min(pixel(decoded, row, column)) > 200
    assert decoded.float().mean() < 60
    small = pictures.decode(data, 24)
    assert tuple(small.shape[1:]) == ((24, 16) if orientation >= 5 else (16, 24))
    assert min(pixel(small, row, column)) > 180


def test_resizing_keeps_aspect_and_averages():
    array = np.zeros((300, 400, 3), np.uint8)
    array[:, ::2] = 200
    for format in ("PNG", "JPEG"):
        decoded = pictures.decode(encoded(Image.fromarray(array), format, quality=95), 100)
        assert decoded.shape == (3, 75, 100)
        assert (decoded.float() - 100).abs().max() < 30, "an antialiased shrink has no stripes"
    assert pictures.decode(encoded(Image.new("RGB", (10, 20))), 40).shape == (3, 40, 20)
    assert pictures.decode(encoded(Image.new("RGB", (1, 1000))), 10).shape == (3, 10, 1)


def test_resizing_a_tensor_equals_decoding_small():
    array = np.random.default_rng(1).integers(0, 256, (31, 57, 3), np.uint8)
    data = encoded(Image.fromarray(array))
    assert torch.equal(pictures.resize(pictures.decode(data), 23), pictures.decode(data, 23))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_truncated_files_are_found_by_probe_and_decode(format):
    array = np.random.default_rng(2).integers(0, 256, (200, 300, 3), np.uint8)
    data = encoded(Image.fromarray(array), format)
    assert pictures.probe(data) == ((200, 300), None)
    cut = data[: len(data) // 2]
    assert pictures.probe(cut)[1] is not None
    with pytest.raises(PictureError):
        pictures.decode(cut)


def test_bytes_after_the_end_are_legal():
    data = encoded(Image.new("RGB", (9, 9)), "JPEG") + b"\0" * 10_000
    assert pictures.probe(data) == ((9, 9), None)


def test_things_that_are_no_pictures(tmp_path):
    for data in (b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"):
        assert pictures.probe(data)[1].kind == pictures.NOT_A_PICTURE
        with pytest.raises(ValueError, match="not a picture"):
            pictures.decode(data)
    with pytest.raises(PictureError, match="not a regular file"):
        pictures.decode(tmp_path)
    with pytest.raises(PictureError, match="missing"):
        pictures.decode(tmp_path / "gone.png")


def test_a_bomb_is_refused_from_its_header(monkeypatch):
    data = bytearray(encoded(Image.new("1", (8, 8))))
    # Width and height stand at bytes 16 to 24 of a PNG; its checksum must fit.
    import zlib

    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    for image_limit in (Image.MAX_IMAGE_PIXELS, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", image_limit)
        assert pictures.probe(bytes(data))[1].kind == pictures.BOMB
        with pytest.raises(PictureError, match="bomb"):
            pictures.decode(bytes(data))
