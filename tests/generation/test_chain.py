"""A generator from data to report: trained, watched, judged, sampled from, stopped and resumed."""

import dataclasses
import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.generation.sampling import path_between, sampled
from clearsight.generation.sheets import animation, grid
from clearsight.loading import trained
from clearsight.metrics.generation import GenerationStatistics
from clearsight.run import Run
from clearsight.sources.samples.cropped import cropped
from clearsight.training import loop

SMALL = {"widths": (8,), "blocks": (0,), "latents": 8, "batch_size": 16, "conditional": True}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Two classes of grey pictures of 16 px: discs and bars, at places and in brightnesses of their own."""
    folder, random = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    rows, columns = np.mgrid[:16, :16]
    for kind in ("bar", "disc"):
        (folder / kind).mkdir()
        for number in range(80):
            top, left = random.uniform(5, 11, 2)
            shape = np.abs(columns - left) < 2 if kind == "bar" else (rows - top) ** 2 + (columns - left) ** 2 < 16
            pixels = (shape * random.uniform(120, 255)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    return cs.train("gan", shapes, epochs=4, out=tmp_path_factory.mktemp("runs") / "gan", settings=SMALL, quiet=True)


def test_the_run_holds_all_that_a_report_needs(run):
    config, card = run.config, run.read_card()
    assert config.task == "generation" and config.state == "finished" and not run.has_checkpoint
    assert config.settings["model"]["size"] == (16, 16) and config.settings["model"]["channels"] == 1
    assert {"val", "floor-val", "ceiling-val", "copies-val", "mix-class-val"} <= set(run.evidence_names)
    assert {example.kind for example in card.examples} == {"made", "copied"}
    assert all((run.path / example.path).is_file() for example in card.examples)
    asked = {finding.question for finding in card.findings}
    assert {"what it does", "whom it fails", "when to trust it", "what it cost"} <= asked
    first = next(f for f in card.findings if f.question == "what it does" and f.value is not None)
    assert first.metric == "Fréchet distance"
    page = (run.path / "report.html").read_text()
    assert "Generated pictures" in page and "data:image/png" in page
    assert card.facts["Makes"] == "grey pictures of 16 x 16 px"


@pytest.mark.slow
def test_it_is_audited_again_and_other_verbs_say_what_to_do(run, shapes):
    before = run.read_card()
    card = cs.audit(run, zone="FRA", responsible="Ada")
    assert card.responsible == "Ada" and card.cost.kg_co2e is not None
    assert (
        card.cost.stages["training"].kwh == before.cost.stages["training"].kwh
        and card.cost.seconds > before.cost.seconds
    )
    values = [{f.metric: f.value for f in one.findings if f.value is not None} for one in (before, card)]
    assert values[0]["Fréchet distance"] == pytest.approx(values[1]["Fréchet distance"])
    assert cs.audit(run, shapes).title == before.title  # its own data by name
    with pytest.raises(ValueError, match="held-out pictures of its own data"):
        cs.audit(run, "digits")
    with pytest.raises(ValueError, match="Leave --split"):
        cs.audit(run, split="val")
    for verb in (cs.predict, cs.evaluate):
        with pytest.raises(ValueError, match="clearsight sample"):
            verb(run, shapes)


@pytest.mark.slow
def test_its_groups_are_counted_where_somebody_asks(run, shapes, tmp_path):
    ids = sorted(path.relative_to(shapes).with_suffix("").as_posix() for path in shapes.rglob("*.png"))
    table = tmp_path / "groups.csv"
    rows = [f"{one},{one.split('/')[0]},{'left' if k % 2 else 'right'}" for k, one in enumerate(ids)]
    table.write_text("\n".join(["id,shape,side", *rows]))
    card = cs.audit(run, by=["shape", "side"], reference="uniform", attributes=table)
    mixes = {finding.group: finding for finding in card.findings if finding.metric.startswith("mix of")}
    assert set(mixes) == {"class", "shape", "side"} and mixes["class"].verdict == "none asked"
    assert mixes["shape"].verdict in ("pass", "fail", "insufficient") and mixes["side"].verdict == "insufficient"
    assert "Every class was asked for equally often" in mixes["shape"].limits
    assert {"mix-class-val", "mix-shape-val", "mix-side-val"} <= set(run.evidence_names)
    with pytest.raises(ValueError, match="no attribute 'colour'"):
        cs.audit(run, by=["colour"], attributes=table)
    few = tmp_path / "shares.csv"
    few.write_text("shape,share\nbar,1\n")
    with pytest.raises(ValueError, match="disc"):
        cs.audit(run, by=["shape"], attributes=table, reference=few)
    cs.audit(run)


def test_the_same_seed_and_number_give_the_same_picture(run):
    network = trained.load(run)
    classes = [k % 2 for k in range(100)]
    many, few = sampled(network, 100, 3, classes=classes), sampled(network, 70, 3, classes=classes)
    assert many.shape == (100, 3, 16, 16) and many.dtype == torch.uint8
    assert torch.equal(many[:70], few)
    assert not torch.equal(many, sampled(network, 100, 4, classes=classes))
    assert torch.equal(many[:, 0], many[:, 1])  # grey


def test_samples_say_that_they_are_generated(run, tmp_path):
    made = cs.sample(run, count=5, seed=1, classes=["disc"], folder=tmp_path / "new", grid=tmp_path / "grid.png")
    assert made.classes == ("disc",) * 5
    first = Image.open(tmp_path / "new" / "000000.png")
    about = json.loads(first.text["clearsight:generated"])
    assert about["generated"] is True and about["run"] == run.name and about["seed"] == 1 and about["class"] == "disc"
    assert about["weights"].startswith("sha256:") and "trainedAlgorithmicMedia" in first.text["XML:com.adobe.xmp"]
    assert np.array_equal(np.asarray(first).transpose(2, 0, 1), made.pictures[0].numpy())
    table = json.loads((tmp_path / "new" / "samples.json").read_text())
    assert [row["file_name"] for row in table["pictures"]] == [f"{k:06d}.png" for k in range(5)]
    again = cs.sample(run, count=5, seed=1, classes=["disc"])
    assert torch.equal(again.pictures, made.pictures) and not again.files
    with pytest.raises(ValueError, match="is not empty"):
        cs.sample(run, folder=tmp_path / "new")
    with pytest.raises(ValueError, match="there already"):
        cs.sample(run, grid=tmp_path / "grid.png")


@pytest.mark.parametrize("name", ["path.gif", "path.mp4"])
def test_a_path_between_pictures_is_a_video(run, tmp_path, name):
    made = cs.sample(run, interpolate=3, video=tmp_path / name, seed=2)
    assert len(made.pictures) == 72 and (tmp_path / name).stat().st_size > 1000
    (said,) = cs.origin(tmp_path / name)
    assert said.generated and said.about == made.about and [one.name for one in tmp_path.iterdir()] == [name]
    network = trained.load(run)
    ends = sampled(network, 3, 2, classes=[0, 0, 0])
    path = path_between(network, 2, 3, 24, label=0)
    assert (path[::24].float() - ends.float()).abs().max() <= 1  # it passes through the pictures themselves


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"count": 0}, "count is 0"),
        ({"truncation": 0}, "truncation is 0"),
        ({"classes": ["square"]}, "there is no class 'square'"),
        ({"video": "a.mp4"}, "--interpolate"),
        ({"interpolate": 3, "video": "a.avi"}, "ends in .mp4 or .gif"),
        ({"interpolate": 1}, "2 to 64"),
    ],
)
def test_a_sample_that_cannot_be_made_is_one_message(run, asked, message):
    with pytest.raises(ValueError, match=message):
        cs.sample(run, **asked)


def test_other_runs_make_no_pictures(shapes, tmp_path):
    other = Run.create(tmp_path / "other", "cnn", "shapes")
    other.change(task="classification", settings={"model": {}, "training": {}})
    with pytest.raises(ValueError, match="makes no pictures of its own"):
        cs.sample(other)


@pytest.mark.parametrize("setting", [{"mixup": 0.2}, {"small_share": 0.5}, {"zoom": (0.8, 1.2)}])
def test_settings_that_change_pictures_are_refused(shapes, tmp_path, setting):
    with pytest.raises(ValueError, match="would learn to make them so"):
        cs.train("gan", shapes, epochs=1, out=tmp_path / "no", settings={**SMALL, **setting}, quiet=True)
    assert not (tmp_path / "no").exists()


def test_few_pictures_are_enough_or_refused_before_the_training(shapes, tmp_path):
    for count, folder in ((7, tmp_path / "seven"), (4, tmp_path / "four")):
        for kind in ("bar", "disc"):
            (folder / kind).mkdir(parents=True)
            for number in range(count):
                (folder / kind / f"{number}.png").write_bytes((shapes / kind / f"{number}.png").read_bytes())
    run = cs.train("gan", tmp_path / "seven", epochs=1, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert run.config.state == "finished"
    with pytest.raises(ValueError, match="Expected at least 10"):
        cs.train("gan", tmp_path / "four", epochs=1, out=tmp_path / "no", settings=SMALL, quiet=True)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("model", ["gan", pytest.param("vae", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_ends_in_the_same_weights(shapes, tmp_path, monkeypatch, model):
    """Both loops, through the whole command: stopped after some steps, resumed from the file, compared bit by bit."""
    # The precision is found by trying: two runs may find another.
    own = SMALL if model == "gan" else {"latents": 4, "batch_size": 16}
    small = {**own, "precision": "float32"}
    whole = cs.train(model, shapes, epochs=2, out=tmp_path / "whole", settings=small, quiet=True)
    steps = {"taken": 0}
    show = loop.Hooks.__init__

    def stopping(self, **given):
        def stop():
            steps["taken"] += 1
            return steps["taken"] == 5

        show(self, **{**given, "stop": stop})

    monkeypatch.setattr(loop.Hooks, "__init__", stopping)
    with pytest.raises(loop.Interrupted):
        cs.train(model, shapes, epochs=2, out=tmp_path / "parts", settings=small, quiet=True)
    assert Run.open(tmp_path / "parts").has_checkpoint
    resumed = cs.train(resume=tmp_path / "parts", quiet=True)
    first, second = whole.read_weights(), resumed.read_weights()
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_picture_is_cut_from_the_middle_and_keeps_its_shape():
    image = torch.zeros(3, 20, 60, dtype=torch.uint8)
    image[:, :, 20:40] = 200
    assert torch.equal(cropped(image, (20, 20)), torch.full((3, 20, 20), 200, dtype=torch.uint8))
    small = cropped(image, (10, 30))
    assert small.shape == (3, 10, 30) and small[0, 5, 15] == 200 and small[0, 5, 2] == 0


def test_sheets_hold_every_picture_once():
    images = (torch.arange(5, dtype=torch.uint8) * 50)[:, None, None, None].expand(5, 3, 30, 30).contiguous()
    sheet = np.asarray(grid(images, 2, magnify=False))
    assert sheet.shape == (3 * 32 - 2, 2 * 32 - 2, 3)
    assert [sheet[row * 32 + 5, column * 32 + 5, 0] for row, column in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0))] == [
        0, 50, 100, 150, 200
    ]  # fmt: skip
    frames = Image.open(io.BytesIO(animation([grid(images[:1]), grid(images[4:])], {"run": "a"})))
    assert frames.n_frames == 2 and frames.format == "GIF" and json.loads(frames.info["comment"]) == {"run": "a"}


def copy_of(run, folder, **changes):
    """A copy of the run whose evidence has other statistics, or says other things of itself."""
    again = Run.open(shutil.copytree(run.path, folder))
    evidence = again.read_evidence("val", GenerationStatistics)
    about = {**evidence.about, **changes.pop("about", {})}
    statistics = dataclasses.replace(evidence.statistics, **changes)
    again.write_evidence("val", dataclasses.replace(evidence, about=about, statistics=statistics))
    return again


@pytest.mark.slow
def test_generators_are_compared_on_the_same_real_pictures(run, tmp_path):
    found = run.read_evidence("val", GenerationStatistics).statistics
    features = found.features.copy()
    features[found.generated] = features[~found.generated]
    perfect = copy_of(run, tmp_path / "perfect", features=features)
    found = cs.compare(run, perfect, out=tmp_path / "compared.html")
    assert [one.model for one in found.runs] == ["gan", "gan"] and found.evidence == "val" and not found.notes
    assert "generated and" in found.counted and found.claims[0].endswith(f"on {found.counted}.")
    headline = found.differences[0]
    own = [one.scores["Fréchet distance"].value for one in found.runs]
    assert headline.metric == "Fréchet distance" and headline.difference == pytest.approx(own[1] - own[0])
    assert not headline.higher_is_better and headline.interval[1] < 0
    assert found.claims[0].startswith("perfect is better than gan")
    assert all(one.speed.ms_per_picture > 0 and one.speed.parameters > 100 for one in found.runs)
    page = (tmp_path / "compared.html").read_text("utf-8")
    assert page.count("<img ") == 2 and "perfect (gan): 50 pictures it made, not chosen" in page


def test_generators_seen_by_other_features_are_not_compared(run, tmp_path):
    other = copy_of(run, tmp_path / "other", about={"first extractor": "another"})
    with pytest.raises(ValueError, match="same real pictures, as the same features see them.*clearsight audit"):
        cs.compare(run, other)


@pytest.mark.slow
def test_the_first_gan_reports_the_figure_of_its_time_and_others_do_not(run, shapes, tmp_path):
    settings = {"hidden_units": 32, "maxout_units": 8, "latents": 8, "batch_size": 16}
    first = cs.train("gan-2014", shapes, epochs=1, out=tmp_path / "first", settings=settings, quiet=True)
    name = "Parzen log-likelihood (history)"
    (found,) = [one for one in first.read_card().findings if one.metric == name]
    held_out = len(first.read_evidence("val", GenerationStatistics).ids) // 2
    assert found.n == held_out // 2 and found.interval[0] < found.value < found.interval[1]
    assert "10,000 generated pictures" in found.method and found.limits.startswith("History")
    assert name not in [one.metric for one in run.read_card().findings]
