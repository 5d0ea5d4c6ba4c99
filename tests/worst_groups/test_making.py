"""Generators for rare groups: which are of use, and which have seen pictures that are held out."""

import numpy as np
import pytest
from PIL import Image

from clearsight import sources
from clearsight.generation.conclusion import gathered_as_trained
from clearsight.run import Run
from clearsight.worst_groups.grouping import Grouping
from clearsight.worst_groups.making import cells_made, check_generator, check_unseen

GROUPING = Grouping(by=("race",), class_names=("man", "woman"), groups=(("black",), ("white",)))


def a_run(folder, model="vae", class_names=("woman, black", "man, black"), conditional=True, **more):
    run = Run.create(folder, model, "people")
    settings = {
        "model": {"conditional": conditional, "size": [8, 8]}, "training": {"size_px": 8, "held_out": 0.2},
        "attributes": None, "skip_bad": False, "target": None, "cluster": "none", "resplit": False,
    }  # fmt: skip
    run.change(class_names=class_names, settings=settings, **more)
    return run


def test_classes_of_a_generator_are_found_among_groups_with_classes_by_name(tmp_path):
    assert cells_made(a_run(tmp_path / "g"), GROUPING) == {0: 1, 1: 0}
    names = Grouping(by=(), class_names=("cat", "dog"), groups=((),))
    assert cells_made(a_run(tmp_path / "h", class_names=("bird", "dog")), names) == {1: 1}


def test_a_generator_that_is_of_no_use_is_refused_before_anything_is_read(tmp_path):
    for name, keywords, said in (
        ("a", {"model": "cnn"}, "makes no pictures"),
        ("b", {"conditional": False}, "not trained to make pictures of a class"),
        ("c", {"class_names": ("woman", "man")}, "Expected some of: man, black; woman, black; man, white"),
        ("d", {}, "has no weights yet"),
    ):
        with pytest.raises(ValueError, match=said):
            check_generator(a_run(tmp_path / name, **keywords), GROUPING)


def write_pictures(folder, splits):
    """Pictures of noise in class folders, each of its own seed; ``splits`` names the seeds in each split."""
    for split, seeds in splits.items():
        for seed in seeds:
            place = folder / split / ("odd" if seed % 2 else "even") / f"picture{seed}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place)
    return folder


@pytest.mark.parametrize(("learnt", "shared"), [(range(20), 0), (range(23), 3)])
def test_a_generator_that_has_learnt_from_held_out_pictures_is_refused(tmp_path, learnt, shared):
    own = write_pictures(tmp_path / "own", {"train": range(20), "val": range(20, 40)})
    theirs = write_pictures(tmp_path / "theirs", {"train": learnt, "val": range(23, 40)})
    run = a_run(tmp_path / "g", data=str(theirs), data_name="theirs")
    with pytest.raises(ValueError, match="is not what .* was trained on"):
        check_unseen(run, sources.read(str(own)), True)
    run.change(fingerprint=gathered_as_trained(run, str(theirs), True).source.fingerprint)
    if not shared:
        return check_unseen(run, sources.read(str(own)), True)
    with pytest.raises(ValueError, match=f"has learnt from {shared} of the 20 pictures that are held out"):
        check_unseen(run, sources.read(str(own)), True)
