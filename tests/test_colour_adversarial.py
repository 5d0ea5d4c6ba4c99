"""A trained colouring that goes on against a critic: where it begins, what it changes, what it says of that."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.architectures import ColourAdversarial
from clearsight.evaluation.beside_start import NAME, beside_start, notes_of_start
from clearsight.evaluation.judging import read_for
from clearsight.loading import trained
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.ops.lab import grey_of, lab_of
from clearsight.run import Run
from clearsight.training import loop, starting

SIDE = 16
FIRST = {"precision": "float32", "batch_size": 8, "widths": "8,16", "learning_rate": 0.01, "optimizer": "adamw"}
SECOND = {"batch_size": 8, "patch_widths": "8,16", "scales": 1, "learning_rate": 2e-3, "generator_rate": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Plain pictures, red or green of one lightness, with noise: nothing grey tells which."""
    place, random = tmp_path_factory.mktemp("colours"), np.random.default_rng(0)
    for index in range(48):
        colour = np.array([(190, 70, 60), (60, 125, 60)][index % 2])
        pixels = colour + random.integers(-20, 20, (SIDE, SIDE, 1)) + random.integers(-3, 3, (SIDE, SIDE, 3))
        split = place / ("train" if index < 32 else "val")
        split.mkdir(exist_ok=True)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(split / f"{index:02}.png")
    return place


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    """A run of ``colour``, and one that goes on from it."""
    place = tmp_path_factory.mktemp("runs")
    first = cs.train("colour", f"pictures:{folder}", epochs=3, out=place / "first", settings=FIRST, quiet=True)
    second = SECOND | {"start": str(first.path)}
    last = cs.train(
        "colour-adversarial", f"pictures:{folder}", epochs=4, out=place / "last", settings=second, quiet=True
    )
    return SimpleNamespace(first=first, last=last)


def built(first, **settings):
    """The network as a training begins with it, and the config and the training."""
    config, training = starting.chosen(ColourAdversarial, SECOND | {"start": str(first.path)} | settings)
    network = trained.build("colour-adversarial", config, ())
    assert starting.go_on(network, config)
    return network, config, training


def test_it_begins_with_exactly_the_pictures_of_the_run_it_goes_on_from(runs):
    network, config, training = built(runs.first)
    assert config.answer == "regression" and config.widths == (8, 16)
    assert training.size_px == SIDE and training.precision == "float32"
    images = torch.randint(0, 256, (5, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    before = [one.image for one in trained.predictor(runs.first)(images)]
    after = [one.image for one in trained.predictor(runs.first, network)(images)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    changed = [one.image for one in trained.predictor(runs.last)(images)]
    assert not all(torch.equal(a, b) for a, b in zip(before, changed, strict=True))


def test_the_critic_learns_alone_before_both_learn(runs):
    steps = [row for row in runs.last.read_log() if "losses" in row]
    assert set(steps[-1]["losses"]) == {"discriminator hinge", "generator hinge", "generator distance"}
    network, _, training = built(runs.first, critic_share=0.25)
    optimizer = network.optimizer("generator", training)
    rates = []
    for progress in (0.0, 0.2, 0.25, 0.625, 1.0):
        network.schedule(optimizer, "generator", progress)
        rates.append(optimizer.param_groups[0]["lr"] / training.learning_rate)
    assert rates == pytest.approx([0, 0, 1, 0.55, 0.1])


def test_lightness_stays_and_colours_given_play_no_part(runs):
    images = torch.randint(60, 190, (4, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(3)).to(torch.uint8)
    grey = (grey_of(images.float() / 255) * 255).round().to(torch.uint8)
    found = torch.stack([one.image for one in trained.predictor(runs.last)(grey)])
    assert float((lab_of(found) - lab_of(grey.float() / 255))[:, 0].abs().median()) < 0.3


def test_the_report_says_what_going_on_has_changed_paired_by_picture(runs):
    card = runs.last.read_card()
    assert card.facts["Goes on from"] == "first" and "colour black-and-white pictures" in card.summary
    changes = {one.metric: one for one in card.findings if one.metric.startswith("change in ")}
    assert {"change in error in ab", "change in PSNR", "change in SSIM", "change in colourfulness"} <= set(changes)
    kind = ReconstructionStatistics
    before, after = (run.read_evidence("val", kind) for run in (runs.first, runs.last))
    assert before.ids == after.ids
    apart = after.statistics.measures["error in ab"] - before.statistics.measures["error in ab"]
    change = changes["change in error in ab"]
    assert change.value == pytest.approx(apart.mean(), abs=1e-4) and change.n == 16
    low, high = change.interval
    error = apart.std(ddof=1) / 4
    assert low < apart.mean() < high and high - low == pytest.approx(4 * error, rel=0.5)
    assert "which it" not in change.claim and "first" in change.claim
    word = "may be chance" if low <= 0 <= high else "better" if apart.mean() < 0 else "worse"
    assert word in change.claim
    assert any(one.metric == "gain in error in ab" for one in card.findings), "grey and the mean colour stay beside it"
    assert any("first, which this run went on from, has cost" in note for note in card.notes)
    assert not any("may have seen" in note for note in card.notes)


def test_what_it_is_compared_with_outlives_the_run_that_it_went_on_from(runs, folder, tmp_path):
    copy = Run(shutil.copytree(runs.last.path, tmp_path / "copy"))
    model = {**copy.config.settings["model"], "start": str(tmp_path / "gone")}
    copy.change(settings={**copy.config.settings, "model": model})
    card = cs.audit(copy, quiet=True)
    assert any("gone is not where it was" in note for note in card.notes)
    kept = next(one for one in runs.last.read_card().findings if one.metric == "change in PSNR")
    assert next(one for one in card.findings if one.metric == "change in PSNR").value == pytest.approx(kept.value)
    source = read_for(copy, f"pictures:{folder}", None, False)
    judged = copy.read_evidence("val", ReconstructionStatistics)
    for file in (copy.path / "evidence").glob(f"{NAME}*"):
        file.unlink()
    assert beside_start(copy, source, judged) == {}


def test_a_start_that_may_have_seen_the_judged_pictures_is_told(runs):
    config = runs.last.config
    training = {**config.settings["training"], "held_out": 0.5}
    for other in (
        replace(config, fingerprint="sha256:other"),
        replace(config, settings={**config.settings, "training": training}),
        replace(config, settings={**config.settings, "resplit": True}),
    ):
        assert any("it may have seen pictures that are judged here" in note for note in notes_of_start(other))
    assert notes_of_start(runs.first.config) == []


def test_a_run_that_was_stopped_ends_in_the_same_weights(runs, folder, tmp_path, monkeypatch):
    """Stopped while the critic learns alone, and while both learn; its start need not be there any more."""
    for stopped_at in (2, 6):
        steps, begun = {"taken": 0}, loop.Hooks.__init__

        def stopping(self, *, steps=steps, begun=begun, stopped_at=stopped_at, **given):
            def stop():
                steps["taken"] += 1
                return steps["taken"] == stopped_at

            begun(self, **{**given, "stop": stop})

        place = tmp_path / str(stopped_at)
        first = shutil.copytree(runs.first.path, tmp_path / f"first-{stopped_at}")
        settings = SECOND | {"start": str(first)}
        with monkeypatch.context() as patch:
            patch.setattr(loop.Hooks, "__init__", stopping)
            with pytest.raises(loop.Interrupted):
                cs.train("colour-adversarial", f"pictures:{folder}", epochs=4, out=place, settings=settings, quiet=True)
        shutil.rmtree(first)
        resumed = cs.train(resume=place, quiet=True).read_weights()
        whole = runs.last.read_weights()
        assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_pictures_and_rows_are_those_of_any_colouring(runs, folder, tmp_path):
    out = tmp_path / "found"
    cs.predict(runs.last, folder / "val" / "40.png", out=out)
    (row,) = json.loads((out / "predictions.json").read_text())
    about = json.loads(Image.open(out / "pictures" / "40.png").text["clearsight:generated"])
    assert row["note"] and about["model"] == "colour-adversarial" and about["run"] == runs.last.name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"start": ""}, "there is no run to go on from. Expected a finished run of colour"),
        ({"start": "LAST"}, "is a run of colour-adversarial. Expected a finished run of colour"),
        ({"start": "nowhere"}, "there is no run in nowhere"),
        ({"widths": "8,32"}, r"widths is \(8, 32\), and .* has \(8, 16\). Leave widths out"),
        ({"backbone": "resnet18"}, "backbone is 'resnet18'"),
        ({"size_px": 8}, "the longer side of the pictures is 8 px, and .* has learnt from pictures of 16 px"),
        ({"critic_share": 1}, "critic_share is 1.0. Expected a share"),
    ],
)
def test_what_cannot_be_gone_on_from_is_one_message_and_leaves_nothing(runs, folder, tmp_path, wrong, said):
    settings = SECOND | {"start": str(runs.first.path)} | wrong
    settings["start"] = settings["start"].replace("LAST", str(runs.last.path))
    with pytest.raises(ValueError, match=said):
        cs.train(
            "colour-adversarial", f"pictures:{folder}", epochs=1, out=tmp_path / "no", settings=settings, quiet=True
        )
    assert not (tmp_path / "no").exists()


def test_an_unfinished_start_and_one_with_other_weights_are_one_message(runs, folder, tmp_path):
    copy = Run(shutil.copytree(runs.first.path, tmp_path / "copy"))
    settings = SECOND | {"start": str(copy.path)}
    words = {"epochs": 1, "out": tmp_path / "no", "settings": settings, "quiet": True}
    weights = copy.read_weights()
    copy.write_weights({name: value for name, value in weights.items() if "last" not in name})
    with pytest.raises(ValueError, match="are not of the network that its run.json describes"):
        cs.train("colour-adversarial", f"pictures:{folder}", **words)
    copy.change(state="interrupted")
    with pytest.raises(ValueError, match="has not finished. Expected a finished run of colour"):
        cs.train("colour-adversarial", f"pictures:{folder}", **words)
    assert not (tmp_path / "no").exists()


def test_pictures_smaller_than_those_it_learnt_from_are_refused(runs, folder, tmp_path):
    for file in folder.rglob("*.png"):
        place = tmp_path / "small" / file.parent.name
        place.mkdir(parents=True, exist_ok=True)
        Image.open(file).resize((12, 12)).save(place / file.name)
    with pytest.raises(ValueError, match="the pictures is 12 px, and .* pictures of 16 px"):
        cs.train(
            "colour-adversarial", f"pictures:{tmp_path / 'small'}", epochs=1, out=tmp_path / "no",
            settings=SECOND | {"start": str(runs.first.path)}, quiet=True,
        )  # fmt: skip
    assert not (tmp_path / "no").exists()
