"""Small pictures: read where they fit what a generator makes, and refused with one clear message where they do not."""

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.depixelising.inputs import check_divides, factor_of, small_pictures

SIZE = (32, 24)


def picture(height, width, mode="RGB", seed=0):
    random = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(random.integers(0, 65536, (height, width)).astype(np.uint16))
    channels = {"L": (), "RGB": (3,), "RGBA": (4,), "LA": (2,)}[mode]
    return Image.fromarray(random.integers(0, 255, (height, width, *channels)).astype(np.uint8), mode)


def saved(folder, **pictures):
    for name, one in pictures.items():
        one.save(folder / f"{name}.png")
    return folder


def test_pictures_are_read_with_their_factor(tmp_path):
    folder = saved(tmp_path, a=picture(8, 6), b=picture(8, 6, "L"))
    found = small_pictures([folder], SIZE, 3)
    assert found.factor == 4 and found.names == ("a", "b") and found.images.shape == (2, 3, 8, 6)
    np.testing.assert_array_equal(found.images[0].permute(1, 2, 0).numpy(), np.asarray(Image.open(folder / "a.png")))
    assert small_pictures([folder / "a.png"], SIZE, 3, factor=4).factor == 4
    assert torch.equal(small_pictures([folder / "b.png"], SIZE, 1).images[0], found.images[1])


@pytest.mark.parametrize(
    ("pictures", "options", "said"),
    [
        ({"a": picture(64, 48)}, {}, "a.png is 48 x 64 px, larger than"),
        ({"a": picture(8, 32)}, {}, "larger than its restoration would be"),
        ({"a": picture(32, 24)}, {}, "smaller by one whole factor both ways: 12 x 16, 6 x 8, 3 x 4 px"),
        ({"a": picture(8, 8)}, {}, "the generator makes pictures of 24 x 32 px"),
        ({"a": picture(7, 6)}, {}, "one whole factor"),
        ({"a": picture(8, 6), "b": picture(16, 12)}, {}, "of one size"),
        ({"a": picture(8, 6)}, {"factor": 2}, "4 times smaller"),
        ({"a": picture(8, 6, "RGBA")}, {}, "alpha channel"),
        ({"a": picture(8, 6, "LA")}, {}, "alpha channel"),
        ({"a": picture(8, 6, "I;16")}, {}, "more than 8 bits"),
        ({"a": picture(8, 6)}, {"channels": 1}, "is in colour, and the generator makes grey"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else one,
)
def test_pictures_that_do_not_fit_are_refused_by_name(tmp_path, pictures, options, said):
    folder = saved(tmp_path, **pictures)
    with pytest.raises(ValueError, match=said) as error:
        small_pictures([folder], SIZE, **{"channels": 3, **options})
    assert ".png" in str(error.value)


def test_unfit_pictures_can_be_left_out(tmp_path):
    folder = saved(tmp_path, a=picture(8, 6), b=picture(8, 6, "RGBA"))
    (folder / "c.png").write_bytes(b"not a picture")
    found = small_pictures([folder], SIZE, 3, skip_bad=True)
    assert found.names == ("a",) and len(found.skipped) == 2
    with pytest.raises(ValueError, match="cannot be read"):
        small_pictures([folder], SIZE, 3)
    with pytest.raises(ValueError, match="none of the 1 pictures"):
        small_pictures([folder / "b.png"], SIZE, 3, skip_bad=True)
    with pytest.raises(ValueError, match="no picture"):
        small_pictures([tmp_path / "none.png"], SIZE, 3)


def test_factors_divide_both_sides():
    assert factor_of((8, 6), SIZE) == 4 and factor_of((8, 12), SIZE) is None and factor_of(SIZE, SIZE) is None
    check_divides(SIZE, 8)
    with pytest.raises(ValueError, match="divides both sides: 2, 4, 8"):
        check_divides(SIZE, 3)
