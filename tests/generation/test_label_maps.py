"""Pictures from label maps, from data to report: maps that move with pictures, a judge, files, and what is refused."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.audits.recognised import recognised as audit
from clearsight.generation.conclusion import pictures_of
from clearsight.generation.recognising import recognised
from clearsight.loading import trained
from clearsight.loading.data import gather
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.segmentation import SegmentationStatistics
from clearsight.run import Run
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.training import loop, segmenter
from clearsight.types import ClassMap, Picture, Request, Segmentation, Training

NAMES = ("grass", "sky", "house")
COLOURS = np.array([(40, 150, 60), (90, 160, 230), (200, 80, 40)])
SETTINGS = {
    "size": "16,24", "widths": "8,8", "map_width": 4, "latents": 4, "patch_widths": "8,8", "batch_size": 8,
    "precision": "float32",
}  # fmt: skip


def scene(random):
    """A label map of 32 x 48 px, and a picture that shows it in colours of one brightness with noise."""
    labels = np.zeros((32, 48), dtype=np.uint8)
    labels[: random.integers(8, 20)] = 1
    left, top = random.integers(2, 30), random.integers(6, 16)
    labels[top : top + 14, left : left + 14] = 2
    labels[:2] = 255
    light = random.uniform(0.6, 1.2)
    colours = np.concatenate([COLOURS, np.zeros((253, 3))])[labels] * light + random.normal(0, 6, (32, 48, 3))
    return labels, colours.clip(0, 255).astype(np.uint8)


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("world"), np.random.default_rng(0)
    (folder / "classes.txt").write_text("\n".join(NAMES))
    for split, count in (("train", 24), ("val", 12)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(count):
            labels, picture = scene(random)
            Image.fromarray(labels).save(folder / split / "masks" / f"{number:03d}.png")
            Image.fromarray(picture).save(folder / split / "images" / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def run(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "synthesis"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmenter, "PASSES", 20)  # a judge of a minute is none of a test
        return cs.train("synthesis", world, epochs=30, out=out, settings=SETTINGS, cluster="none", quiet=True)


@pytest.fixture(scope="module")
def gathered(world):
    return gather(str(world), 48, wanted=(ClassMap,), cluster="none")


def test_maps_are_cut_resized_and_mirrored_with_their_pictures(gathered):
    """Every pixel of a picture keeps the colour of its class, whatever is done to both."""
    training = dataclasses.replace(Training(), batch_size=8, zoom=(1.0, 1.0), brightness=0.0, shift=0.1,
                                   flips="horizontal")  # fmt: skip
    dataset = gathered.cropped("train", (20, 20))
    assert dataset.maps.shape == (24, 20, 20) and set(dataset.maps.unique().tolist()) == {0, 1, 2, 255}
    mirrored, shares = 0, []
    for step in range(4):
        batch = SmallBatches(dataset=dataset, training=training, canvas=(20, 20)).batch(step, 0.0)
        for image, truth, one in zip(batch.images, batch.truths, batch.ids, strict=True):
            plain = dataset.truth([record.id for record in dataset.records].index(one)).labels
            mirrored += not torch.equal(plain[:, 3:-3], truth.labels[:, 3:-3])
            nearest = (image[None] * 255 / torch.tensor(COLOURS)[:, :, None, None]).std(1).argmin(0)
            known = truth.labels != 255
            shares.append(float((nearest[known] == truth.labels[known]).float().mean()))
    assert mirrored > 5 and np.mean(shares) > 0.9 and min(shares) > 0.75  # but for blurred edges


def test_the_run_compares_generated_pictures_with_real_ones_by_features_and_by_a_segmenter(run):
    config, card = run.config, run.read_card()
    assert config.task == "generation" and config.state == "finished"
    assert card.facts["Makes"] == "colour pictures of 24 x 16 px from label maps"
    assert card.facts["Classes"] == "grass, sky, house"
    values = {finding.metric: finding for finding in card.findings}
    assert "Fréchet distance" in values and "copy rate" in " ".join(values)
    score = values["mean IoU of a segmenter on generated pictures"]
    assert score.n == 12 and score.interval[0] <= score.value <= score.interval[1]
    rows = dict(zip(score.series["label"], score.series["value"], strict=True))
    assert rows["real pictures of the same maps"] > 0.3 and 0 < rows["real pictures of other maps"] <= 1
    assert rows["generated pictures"] == score.value and "encoder-decoder" in score.method
    assert values["pixel accuracy of a segmenter on generated pictures"].value > 0
    by_class = values["IoU by class of a segmenter on generated pictures"].series
    assert sorted(by_class["class"]) == sorted(NAMES)
    assert sum(by_class["share of pixels"]) == pytest.approx(1)
    assert [example.kind for example in card.examples][:3] == ["made"] * 3
    assert size_of(run.path / "examples/samples.png") == ((24 * 3 + 2) * 3 - 2, (16 * 3 + 2) * 8 - 2)
    assert "label map" in (run.path / "report.html").read_text()


def test_generated_pictures_and_the_real_ones_of_their_maps_are_resampled_together(run):
    evidence = run.read_evidence("val", GenerationStatistics)
    count = len(evidence.ids) // 2
    assert evidence.clusters[:count].tolist() == evidence.clusters[count:].tolist()
    found = [run.read_evidence(f"segmenter-{name}-val", SegmentationStatistics) for name in ("generated", "real")]
    assert found[0].ids == found[1].ids == evidence.ids[:count]
    assert found[0].statistics.confusion.sum((1, 2)).tolist() == found[1].statistics.confusion.sum((1, 2)).tolist()


class Oracle:
    """Says the class by the nearest colour, whatever the light."""

    said = "nearest colour"

    def __call__(self, images):
        apart = (images[:, None].float() / torch.tensor(COLOURS)[None, :, :, None, None]).std(2)
        return [Segmentation(labels=one.argmin(0).to(torch.uint8), confidence=torch.ones(one.shape[1:]))
                for one in apart]  # fmt: skip


def test_a_perfect_generator_scores_as_real_pictures_do_and_one_that_mixes_maps_up_does_not(gathered):
    real = pictures_of(gathered.cropped("val", (16, 24)), 100)
    found = {}
    for name, order in (("perfect", range(12)), ("mixed up", np.roll(np.arange(12), 1))):
        generated = dataclasses.replace(real.select(list(order)), paired=True)
        more = recognised(Oracle(), generated, real, NAMES, {})
        request = Request(evidence=more["segmenter-real"], more=more, replicates=200)
        found[name] = audit(request)[0]
    assert found["perfect"].value == pytest.approx(found["perfect"].series["value"][1]) and found["perfect"].value > 0.8
    assert "100%" in found["perfect"].claim and found["mixed up"].value < found["perfect"].value - 0.15
    assert audit(Request(evidence=more["segmenter-real"])) == ()


def test_it_is_audited_again_with_the_judge_from_the_cache(run, monkeypatch):
    def never(*given, **named):
        raise AssertionError("trained again")

    before = {finding.metric: finding.value for finding in run.read_card().findings}
    monkeypatch.setattr(segmenter, "PASSES", 20)
    monkeypatch.setattr(segmenter, "fit_in_memory", never)
    after = {finding.metric: finding.value for finding in cs.audit(run, quiet=True).findings}
    name = "mean IoU of a segmenter on generated pictures"
    assert before[name] == pytest.approx(after[name])


def test_pictures_are_made_from_files_the_same_whatever_stands_beside(run, world, tmp_path):
    masks = world / "val" / "masks"
    all_of_them = cs.sample(run, made_from=masks, count=3, seed=5, folder=tmp_path / "all", grid=tmp_path / "grid.png")
    assert all_of_them.pictures.shape == (36, 3, 16, 24) and len(set(all_of_them.made_from)) == 12
    alone = cs.sample(run, made_from=masks / "004.png", count=3, seed=5)
    assert torch.equal(alone.pictures, all_of_them.pictures[12:15])
    assert not torch.equal(alone.pictures[0], alone.pictures[1])
    assert not torch.equal(cs.sample(run, made_from=masks / "004.png", count=3, seed=6).pictures, alone.pictures)
    assert len(cs.sample(run, made_from=masks).pictures) == 12
    with Image.open(tmp_path / "all" / "004-2.png") as picture:
        about, pixels = json.loads(picture.text["clearsight:generated"]), np.array(picture)
    assert about["made_from"] == "004.png" and about["number"] == 2 and about["generated"] is True
    assert np.array_equal(pixels, alone.pictures[2].permute(1, 2, 0).numpy())
    table = json.loads((tmp_path / "all" / "samples.json").read_text())
    assert [row["file_name"] for row in table["pictures"]][:4] == ["000-0.png", "000-1.png", "000-2.png", "001-0.png"]
    assert size_of(tmp_path / "grid.png") == (4 * 74 - 2, 12 * 50 - 2)
    path = cs.sample(run, made_from=masks / "004.png", interpolate=2, video=tmp_path / "way.gif")
    assert len(path.pictures) == 48 and (tmp_path / "way.gif").stat().st_size > 1000


def saved(folder, pixels, name="one.png", classes=None):
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(folder / name)
    if classes is not None:
        (folder / "classes.csv").write_text(classes)
    return folder


def test_values_mean_what_the_nearest_class_list_says(run, tmp_path):
    labels, _ = scene(np.random.default_rng(3))
    plain = cs.sample(run, made_from=saved(tmp_path / "a", labels)).pictures
    after_the_last = cs.sample(run, made_from=saved(tmp_path / "b", np.where(labels == 255, 3, labels))).pictures
    assert torch.equal(plain, after_the_last)
    table = "sky,90,160,230\ngrass,40,150,60\nhouse,200,80,40\nvoid,0,0,0"
    colours = np.concatenate([COLOURS, np.zeros((253, 3))])[labels]
    assert torch.equal(plain, cs.sample(run, made_from=saved(tmp_path / "c", colours, classes=table)).pictures)
    large = np.kron(labels, np.ones((3, 3)))  # another size of the same shape
    assert torch.equal(plain, cs.sample(run, made_from=saved(tmp_path / "d", large)).pictures)


def test_what_it_cannot_use_is_refused_in_one_message(run, world, tmp_path):
    labels, picture = scene(np.random.default_rng(3))
    strange = saved(tmp_path / "strange", np.where(labels == 2, 77, labels))
    (tmp_path / "empty").mkdir()
    boats = saved(tmp_path / "boats", picture, classes="boat,1,2,3\ngrass,40,150,60")
    Image.fromarray(labels).save(saved(tmp_path / "lossy", labels) / "two.jpg")
    for place, told in (
        (strange, r"one\.png: values that the model does not name: 77 \(\d+ px\)"),
        (saved(tmp_path / "colours", picture), "colour mask without a table of colours"),
        (tmp_path / "empty", "there are no pictures in"),
        (boats, "classes that the model does not know: boat"),
        (tmp_path / "lossy", "mask in a lossy format"),
        (tmp_path / "nothing", "there is no picture"),
        (None, "--from"),
    ):
        with pytest.raises(ValueError, match=told):
            cs.sample(run, made_from=place, folder=tmp_path / "out")
    with pytest.raises(ValueError, match="Expected one file"):
        cs.sample(run, made_from=world / "val" / "masks", interpolate=4, video=tmp_path / "a.gif")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob("*.gif"))


def test_data_that_do_not_fit_are_refused_before_training(world, tmp_path):
    with pytest.raises(ValueError, match="this model needs a class for every pixel"):
        cs.train("synthesis", "digits", epochs=1, out=tmp_path / "no", quiet=True)
    for name, spoil, told in (
        ("value", lambda labels: np.where(labels == 2, 9, labels), "outside the class list"),
        ("colours", lambda labels: COLOURS[np.minimum(labels, 2)], "colour mask without a table"),
        ("size", lambda labels: labels[:20], "size"),
    ):
        folder = shutil.copytree(world, tmp_path / name)
        mask = folder / "train" / "masks" / "005.png"
        with Image.open(mask) as picture:
            labels = np.array(picture)
        Image.fromarray(spoil(labels).astype(np.uint8)).save(mask)
        with pytest.raises(ValueError, match=told):
            cs.train("synthesis", folder, epochs=1, out=tmp_path / "no", settings=SETTINGS, quiet=True)
    assert not (tmp_path / "no").exists()


def test_a_run_that_was_stopped_ends_in_the_same_weights(run, world, tmp_path, monkeypatch):
    """Stopped after some steps, resumed from the file, and compared bit by bit with a run that went on."""
    stop_after, taken, made = [99], [], loop.Hooks.__init__

    def watched(self, **given):
        # Validation follows the clock, and the best of its snapshots is kept: here the last weights are compared.
        def stop():
            taken.append(1)
            return len(taken) == stop_after[0]

        made(self, **{**given, "stop": stop, "validate": None})

    monkeypatch.setattr(loop.Hooks, "__init__", watched)
    monkeypatch.setattr(segmenter, "PASSES", 20)
    asked = {"epochs": 3, "settings": SETTINGS, "cluster": "none", "quiet": True}
    whole = cs.train("synthesis", world, out=tmp_path / "whole", **asked)
    taken.clear()
    stop_after[0] = 3
    with pytest.raises(loop.Interrupted):
        cs.train("synthesis", world, out=tmp_path / "parts", **asked)
    assert Run.open(tmp_path / "parts").has_checkpoint
    resumed = cs.train(resume=tmp_path / "parts", quiet=True)
    first, second = whole.read_weights(), resumed.read_weights()
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["generator.last.weight"], run.read_weights()["generator.last.weight"])


def test_a_picture_completed_from_a_poorer_one_goes_the_same_way(world, tmp_path):
    """The flow from coarse pictures: trained, watched, judged and sampled by the same mechanism."""
    settings = {"size": "16,24", "condition": "coarse", "widths": "8,8", "steps": 1, "batch_size": 16,
                "precision": "float32"}  # fmt: skip
    run = cs.train("flow", world, epochs=1, out=tmp_path / "flow", settings=settings, cluster="none", quiet=True)
    assert not [name for name in run.evidence_names if name.startswith("segmenter")]
    made = cs.sample(run, made_from=world / "val" / "images", grid=tmp_path / "grid.png")
    assert made.pictures.shape == (12, 3, 16, 24)
    with pytest.raises(ValueError, match="makes pictures from pictures, and none were named"):
        cs.sample(run)
    assert trained.load(run).config.made_from is Picture
