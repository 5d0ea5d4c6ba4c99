"""Enlarging networks from files to report: what they invent, what they agree with, seeds, resuming, and bad input."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.generation.drawn_sheets import drawn, spread_map
from clearsight.loading import trained
from clearsight.metrics.attribute_errors import AttributeErrorStatistics
from clearsight.metrics.invention import InventionStatistics
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.report.opening import MUST_NOT_IDENTIFY
from clearsight.run import Run

SIDE = 16
TINY = {
    "width": 8, "depth": 1, "conditioning_width": 8, "conditioning_depth": 1, "components": 2, "batch_size": 16,
    "size": "16,16",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Grey bars that lie or stand, which a picture four times smaller hardly tells; 80 to train on, 40 held out."""
    folder, random = tmp_path_factory.mktemp("bars"), np.random.default_rng(0)
    for split, count in (("train", 80), ("val", 40)):
        for number in range(count):
            name = ("lying", "standing")[number % 2]
            image = np.full((SIDE, SIDE), random.integers(20, 60), dtype=np.int64)
            for start in range(2, SIDE, 4):
                image[start : start + 2] = 220
            image = image if name == "lying" else image.T
            place = folder / split / name
            place.mkdir(parents=True, exist_ok=True)
            noisy = np.clip(image + random.integers(-8, 8, image.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).convert("RGB").save(place / f"{number:03}.png")
    return folder


@pytest.fixture(scope="module")
def drawing_run(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return cs.train("pixel-recursive", data, epochs=8, out=out, quiet=True, settings=TINY)


def test_the_report_opens_with_what_its_output_must_not_be_used_for_and_tells_what_is_invented(drawing_run):
    run = Run.open(drawing_run.path)
    card = run.read_card()
    found = {finding.metric: finding for finding in card.findings}
    bits = found["bits per dimension"]
    assert 0 < bits.interval[0] < bits.value < bits.interval[1] and bits.n == 40
    assert found["spread of the draws"].value > 1
    wrong = found["wrong class"]
    assert wrong.n == 40 and {"all: what it made", "all: bicubic interpolation", "all: real pictures"} <= set(
        wrong.series["label"]
    )
    page = (run.path / "report.html").read_text()
    assert page.index(MUST_NOT_IDENTIFY) < page.index("<h1>") and "class was wrong for" in page
    assert card.facts["Judged with"].startswith("pictures 4 times smaller")
    made = [example for example in card.examples if example.kind == "made"]
    assert [example.path for example in made] == ["examples/drawn.png", "examples/spread.png"]
    text = Image.open(run.path / made[0].path).text
    assert json.loads(text["clearsight:generated"])["run"] == run.name
    kept = run.read_evidence("invention-val", InventionStatistics)
    assert kept.statistics.draws == 4 and len(kept.ids) == 40
    rival = run.read_evidence("attribute-class-bicubic-interpolation-val", AttributeErrorStatistics).statistics
    assert rival.draws == 1 and rival.maker == "bicubic interpolation"
    assert run.config.settings["model"]["channels"] == 1


def test_an_audit_tells_the_same_again(drawing_run):
    before = {f.metric: f.value for f in drawing_run.read_card().findings if f.question == "what it does"}
    again = {f.metric: f.value for f in cs.audit(drawing_run).findings if f.question == "what it does"}
    assert again["bits per dimension"] == pytest.approx(before["bits per dimension"], abs=1e-5)
    assert again["spread of the draws"] == pytest.approx(before["spread of the draws"], abs=1e-3)


def test_predictions_say_that_they_are_made_and_are_the_same_again(drawing_run, data, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    for number, path in enumerate(sorted((data / "val" / "lying").glob("*.png"))[:3]):
        Image.open(path).resize((4, 4), Image.Resampling.BOX).save(small / f"{number}.png")
    found = cs.predict(drawing_run, small, out=tmp_path / "found")
    assert all(one.image.shape == (3, SIDE, SIDE) for one in found.predictions)
    alone = cs.predict(drawing_run, small / "1.png").predictions[0]
    assert torch.equal(alone.image, found.predictions[1].image)
    with Image.open(tmp_path / "found" / "pictures" / "1.png") as made:
        about = json.loads(made.text["clearsight:generated"])
        assert made.size == (SIDE, SIDE) and about["generated"] and about["made_from"] == "1.png"


def test_pictures_of_another_size_are_refused_in_one_sentence(drawing_run, data):
    with pytest.raises(
        ValueError, match=r"lying/\d+.png: a picture is 16 x 16 px, and this model makes 16 x 16 px of 4 x 4 px"
    ):
        cs.predict(drawing_run, data / "val" / "lying")


def test_several_pictures_are_sampled_from_one_file(drawing_run, data, tmp_path):
    small = tmp_path / "small.png"
    Image.open(next((data / "val" / "lying").glob("*.png"))).resize((4, 4), Image.Resampling.BOX).save(small)
    made = cs.sample(drawing_run, made_from=small, count=5, folder=tmp_path / "made", grid=tmp_path / "grid.png")
    assert made.pictures.shape == (5, 3, SIDE, SIDE) and len(torch.unique(made.pictures.flatten(1), dim=0)) == 5
    assert torch.equal(cs.sample(drawing_run, made_from=small, count=2).pictures, made.pictures[:2])
    assert not torch.equal(cs.sample(drawing_run, made_from=small, count=2, seed=1).pictures, made.pictures[:2])
    with Image.open(tmp_path / "made" / "small-3.png") as picture:
        about = json.loads(picture.text["clearsight:generated"])
    assert about["made_from"] == "small.png" and about["generated"]
    spread = [float(cs.sample(drawing_run, made_from=small, count=5, truncation=scale).pictures.float().std(0).mean())
              for scale in (0.3, 1.0)]  # fmt: skip
    assert spread[0] < spread[1]
    with pytest.raises(ValueError, match=r"lying/\d+.png: it is 16 x 16 px, and this model enlarges pictures of 4 x 4"):
        cs.sample(drawing_run, made_from=data / "val" / "lying")
    with pytest.raises(ValueError, match="none were named"):
        cs.sample(drawing_run)


def test_numbers_of_a_seed_are_the_same_however_many_are_drawn(drawing_run):
    network = trained.load(drawing_run)
    given = torch.randint(256, (2, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    given = given[:, :1].expand(-1, 3, -1, -1).contiguous()
    three, five = drawn(network, given, 3), drawn(network, given, 5)
    assert torch.equal(three, five[:, :3]) and len(torch.unique(five[0].flatten(1), dim=0)) == 5
    assert torch.equal(drawn(network, given[1:], 3)[0], three[1])
    spread = spread_map(five)
    by_hand = five.double().numpy().var(1, ddof=1).mean(1)
    assert np.allclose(spread[:, 0], np.clip(255 * np.sqrt(by_hand) / 64, 0, 255).round())


@pytest.mark.skipif(torch.cuda.is_available(), reason="weights are identical bit by bit on a processor")
def test_a_stopped_training_that_goes_on_ends_in_the_weights_of_one_that_never_stopped(data, tmp_path, monkeypatch):
    from clearsight.training import loop

    whole = cs.train("pixel-recursive", data, epochs=2, out=tmp_path / "whole", quiet=True, settings=TINY)
    real = loop.Hooks.__init__

    def stopping(self, *args, **options):
        calls = iter([False] * 4 + [True] * 10)
        real(self, *args, **{**options, "stop": lambda: next(calls)})

    with monkeypatch.context() as patched:
        patched.setattr(loop.Hooks, "__init__", stopping)
        with pytest.raises(loop.Interrupted):
            cs.train("pixel-recursive", data, epochs=2, out=tmp_path / "part", quiet=True, settings=TINY)
    again = cs.train(resume=tmp_path / "part", quiet=True)
    assert all(torch.equal(weight, again.read_weights()[name]) for name, weight in whole.read_weights().items())


@pytest.fixture(scope="module")
def enlarging_run(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    settings = {"factor": 2, "width": 8, "depth": 1, "patch_px": 16, "batch_size": 16, "precision": "float32"}
    return cs.train("super-resolution", data, epochs=30, out=out, quiet=True, settings=settings)


def test_super_resolution_beats_interpolation_agrees_with_its_input_and_takes_any_size(enlarging_run, tmp_path):
    card = enlarging_run.read_card()
    found = {finding.metric: finding for finding in card.findings}
    own, bicubic = (
        enlarging_run.read_evidence(name, ReconstructionStatistics).statistics.psnr.mean()
        for name in ("val", "baseline-bicubic-val")
    )
    assert own > bicubic + 0.5 and {"bicubic interpolation", "the Lanczos filter", "every pixel repeated"} <= set(
        found["gain in PSNR"].series["label"]
    )
    assert found["consistency"].value > 50 and "make pictures 2 times larger" in card.summary
    assert "bits per dimension" not in found and found["wrong class"].n == 40
    large = np.random.default_rng(0).integers(0, 256, (45, 70, 3)).astype(np.uint8)
    Image.fromarray(large).save(tmp_path / "large.png")
    whole, pieces = (
        cs.predict(enlarging_run, tmp_path / "large.png", window=window).predictions[0].image for window in (None, 32)
    )
    assert whole.shape == pieces.shape == (3, 90, 140)
    for one in (whole, pieces):
        again = one.unfold(1, 2, 2).unfold(2, 2, 2).mean((3, 4)) * 255
        assert float((again - torch.from_numpy(large).permute(2, 0, 1)).abs().max()) < 0.3
    assert float((whole - pieces).abs().mean()) < 0.02


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": "15,15"}, "that the factor, 4, divides"),
        ({"factor": "32"}, "factor is 32. Expected 2, 4 or 8"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(data, tmp_path, settings, words):
    for model in ("super-resolution", "pixel-recursive"):
        with pytest.raises(ValueError, match=words):
            cs.train(model, data, epochs=1, out=tmp_path / "run", quiet=True, settings=settings)
    assert not (tmp_path / "run").exists()


def test_pictures_that_are_too_small_for_the_factor_are_named(data, tmp_path):
    for split in ("train", "val"):
        (tmp_path / "data" / split).mkdir(parents=True)
        for number in range(6):
            side = 5 if split == "val" and number == 0 else 24
            Image.new("RGB", (side, side), (number, 90, 30)).save(tmp_path / "data" / split / f"{number}.png")
    with pytest.raises(ValueError) as caught:
        cs.train(
            "super-resolution", tmp_path / "data", epochs=1, out=tmp_path / "run", quiet=True, settings={"factor": 8}
        )
    assert re.search(r"1 of 12 pictures are smaller than 8 px, such as .*0.* with 5 x 5 px", str(caught.value))
    assert not (tmp_path / "run").exists()
