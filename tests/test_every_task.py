"""Every task from files to report, with small networks: what a user does with each kind of data."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.evaluation.conclusion import NOTHING_HELD_OUT, SAME_PICTURES_CALIBRATED
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.metrics.temperature import best_temperature
from clearsight.run import Run

SIDE = 32
COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (50, 60, 200)}
SETTINGS = {"precision": "float32", "batch_size": 8}


def picture(colour, random):
    noise = random.integers(-30, 30, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Pictures of three colours in all layouts: class folders, a table with labels and a number, masks."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    rows = []
    for index in range(60):
        name = list(COLOURS)[index % 3]
        place = folder / "folders" / ("train" if index < 40 else "val") / name
        place.mkdir(parents=True, exist_ok=True)
        image = picture(COLOURS[name], random)
        image.save(place / f"{index:02}.png")
        (folder / "table").mkdir(exist_ok=True)
        image.save(folder / "table" / f"{index:02}.png")
        warm, cold = int(name == "red"), int(name == "blue")
        states = [str(warm), "" if index % 7 == 0 else "-1" if index % 5 == 0 else str(cold)]
        split = "train" if index < 40 else "val"
        rows.append([f"{index:02}.png", split, *states, 10.0 * warm + random.normal(), f"city-{index % 2}"])
        for kind in ("images", "masks"):
            (folder / "street" / split / kind).mkdir(parents=True, exist_ok=True)
        half = np.zeros((SIDE, SIDE), dtype=np.uint8)
        half[:, index % SIDE :] = 1
        half[0, 0] = 255
        sky = np.where(half[..., None] == 1, COLOURS["green"], COLOURS["blue"]) + random.integers(
            -20, 20, (SIDE, SIDE, 3)
        )
        Image.fromarray(sky.astype(np.uint8)).save(folder / "street" / split / "images" / f"{index:02}.png")
        Image.fromarray(half).save(folder / "street" / split / "masks" / f"{index:02}.png")
    (folder / "street" / "classes.txt").write_text("sky\nmeadow\n")
    with (folder / "table" / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "split", "warm", "cold", "heat", "place"], *rows])
    return folder


def trained(model, data, out, **options):
    settings = {**SETTINGS, **options.pop("settings", {})}
    return cs.train(model, data, epochs=options.pop("epochs", 6), out=out, quiet=True, settings=settings, **options)


def check(run, task, headline, least, pictures, tmp_path):
    """What every run must have, whatever its task."""
    card = Run.open(run.path).read_card()
    assert card.task == task and card.examples and (run.path / "report.html").is_file()
    questions = {finding.question for finding in card.findings}
    assert {"what it does", "what it cost"} <= questions
    score = next(finding for finding in card.findings if finding.metric == headline)
    assert score.value >= least and score.interval is not None
    evidence = cs.evaluate(run, run.config.data, split="val")
    assert evidence.task == task and len(evidence.ids) == 20
    found = cs.predict(run, pictures, out=tmp_path / "found")
    rows = json.loads((tmp_path / "found" / "predictions.json").read_text())
    table = list(csv.reader((tmp_path / "found" / "predictions.csv").read_text().splitlines()))
    assert len(found.predictions) == len(rows) == len(table) - 1 and (tmp_path / "found" / "overlays").is_dir()
    assert cs.compare(run, run, speed=False).differences[0].difference == 0
    return card, rows


def test_class_folders(made, tmp_path):
    run = trained("cnn", made / "folders", tmp_path / "run", settings={"widths": "16,32", "flips": "both"})
    pictures = made / "folders" / "val" / "red"
    card, rows = check(run, "classification", "accuracy", 0.9, pictures, tmp_path)
    assert all(row["class"] == "red" and row["probabilities"]["red"] == row["score"] for row in rows)
    matrix = next(finding for finding in card.findings if finding.metric == "confusion")
    assert matrix.plot == "matrix" and len(matrix.series["truth"]) == 9 and matrix.n == 20
    assert any(finding.question == "when to trust it" for finding in card.findings)
    again = cs.evaluate(run, run.config.data, split="val")
    assert run.config.settings["model"]["temperature"] != 1.0 and SAME_PICTURES_CALIBRATED in card.notes
    kept = run.read_evidence("val", ClassificationStatistics).statistics
    assert np.allclose(again.statistics.probabilities, kept.probabilities, atol=1e-4), "what is judged is what is used"
    assert best_temperature(kept.truth, kept.probabilities) == pytest.approx(1.0, abs=0.02)
    assert SAME_PICTURES_CALIBRATED in cs.audit(run).notes


@pytest.fixture
def layout(made, tmp_path):
    """The class folders with other names for their splits, and some of them left out."""

    def laid(**names):
        for split, name in names.items():
            shutil.copytree(made / "folders" / split, tmp_path / "laid" / name)
        return tmp_path / "laid"

    return laid


def test_the_share_held_out_is_chosen_and_stays_chosen(layout, tmp_path):
    settings = {"widths": "16", "held_out": 0.1}
    run = trained("cnn", layout(train="train"), tmp_path / "run", epochs=1, settings=settings)
    assert run.read_card().facts["Trained on"] == "36 pictures"
    held_out = run.read_evidence("val", ClassificationStatistics).ids
    assert len(held_out) == 4 and cs.evaluate(run, run.config.data, split="val").ids == held_out
    run.change(state="interrupted")
    assert cs.train(resume=run.path, quiet=True).read_evidence("val", ClassificationStatistics).ids == held_out


def test_nothing_is_held_out_where_a_test_split_is_named(layout, tmp_path):
    settings = {"widths": "16", "held_out": 0}
    run = trained("cnn", layout(train="train", val="test"), tmp_path / "run", epochs=1, settings=settings)
    card = run.read_card()
    assert card.facts["Trained on"] == "40 pictures" and NOTHING_HELD_OUT in card.notes
    assert card.facts["Evaluated on"].startswith("20 pictures of the split test")
    assert run.config.settings["model"]["temperature"] == 1.0
    assert len(cs.evaluate(run, run.config.data).ids) == 20


def test_a_temperature_found_on_val_is_used_on_test(layout, tmp_path):
    run = trained("cnn", layout(train="train", val="test"), tmp_path / "run", epochs=3, settings={"widths": "16"})
    kept = run.read_evidence("test", ClassificationStatistics).statistics
    again = cs.evaluate(run, run.config.data, split="test").statistics
    assert run.config.settings["model"]["temperature"] != 1.0 and not run.read_card().notes[1:]
    assert np.allclose(again.probabilities, kept.probabilities, atol=1e-4)


def test_a_model_must_be_judged_on_something(layout, tmp_path):
    with pytest.raises(ValueError, match="held_out is 0.*--set held_out=0.1"):
        trained("cnn", layout(train="train"), tmp_path / "run", settings={"held_out": 0})
    assert not (tmp_path / "run").exists()


def test_views_are_those_of_the_training_unless_said(layout, tmp_path):
    data = layout(train="train")
    found = []
    for number, settings in enumerate(({}, {"flips": "none", "shift": 0}, {"mirrored": "no"})):
        settings = {"widths": "8", **settings}
        run = trained("cnn", data, tmp_path / f"run-{number}", epochs=0.1, settings=settings)
        found.append(tuple(run.config.settings["model"][name] for name in ("mirrored", "shifted")))
    assert found == [(True, True), (False, False), (False, True)]


def test_several_labels_and_groups(made, tmp_path):
    run = trained(
        "cnn", made / "table" / "table.csv", tmp_path / "run", target="warm,cold", by=["place"],
        settings={"widths": "16,32"},
    )  # fmt: skip
    _, rows = check(run, "tagging", run_headline(run), 0.9, made / "table" / "00.png", tmp_path)
    assert set(rows[0]["probabilities"]) == {"warm", "cold"} and rows[0]["probabilities"]["warm"] > 0.5
    evidence = cs.evaluate(run, made / "table" / "table.csv", split="val")
    assert set(evidence.groups["place"]) == {"city-0", "city-1"}
    assert (evidence.statistics.states == 2).any() and (evidence.statistics.states == 3).any()


def run_headline(run):
    return next(f.metric for f in run.read_card().findings if f.question == "what it does" and f.interval is not None)


def test_a_number_per_picture(made, tmp_path):
    run = trained(
        "cnn", made / "table" / "table.csv", tmp_path / "run", target="heat", epochs=15, settings={"widths": "16,32"}
    )
    _, rows = check(run, "regression", "R2", 0.7, made / "table" / "00.png", tmp_path)
    assert 5 < rows[0]["value"] < 15


def test_a_class_for_every_pixel(made, tmp_path):
    settings = {"backbone": "regnetx_002", "width": 32, "size_px": 32, "zoom": "1,1"}
    run = trained("encoder-decoder", made / "street", tmp_path / "run", epochs=12, settings=settings)
    pictures = made / "street" / "val" / "images"
    _, rows = check(run, "segmentation", "mean IoU", 0.7, pictures, tmp_path)
    assert set(rows[0]["shares"]) == {"sky", "meadow"} and abs(sum(rows[0]["shares"].values()) - 1) < 1e-3
    mask = Image.open(tmp_path / "found" / "masks" / "45.png")
    assert mask.mode == "P" and mask.size == (SIDE, SIDE) and set(np.unique(np.array(mask))) <= {0, 1}
    whole = cs.predict(run, pictures / "45.png").predictions[0]
    pieces = cs.predict(run, pictures / "45.png", window=SIDE).predictions[0]
    assert bool((whole.labels == pieces.labels).all())
    with pytest.raises(ValueError, match="32 px or more"):
        cs.predict(run, pictures / "45.png", window=8)


def test_networks_and_data_must_fit(made):
    with pytest.raises(ValueError, match="boxes.*[Mm]odels for such data: .*cnn|no annotations found"):
        trained("yolo", made / "folders", None)
    with pytest.raises(ValueError, match="learns from the rows of a table"):
        trained("linear", made / "folders", None)
    with pytest.raises(ValueError, match="--min-score chooses among boxes|min_score"):
        run = trained("mlp", made / "folders", made / "run", epochs=1)
        cs.predict(run, made / "folders" / "val", min_score=0.5)


@pytest.fixture(scope="module")
def photos(made, tmp_path_factory):
    """The pictures of the class folders without their classes, in one folder."""
    folder = tmp_path_factory.mktemp("photos")
    for number, path in enumerate(sorted((made / "folders").rglob("*.png"))):
        shutil.copy(path, folder / f"{number:02}.png")
    return folder


def test_noise_is_removed_without_a_label(made, photos, tmp_path):
    settings = {"widths": "16,24", "patch_px": 16, "levels": "40,40", "judged_level": 40, "held_out": 1 / 3}
    run = trained("denoiser", photos, tmp_path / "run", epochs=15, settings=settings)
    assert run.config.task == "reconstruction" and "remove noise" in run.read_card().summary
    card, rows = check(run, "reconstruction", "PSNR", 18, photos / "00.png", tmp_path)
    gain = next(finding for finding in card.findings if finding.metric == "gain in PSNR")
    assert gain.interval is not None and len(gain.series["label"]) == 4 and "noisy pictures" in gain.claim
    rivals = {one for one in run.evidence_names if one.startswith("baseline")}
    assert rivals == {
        f"baseline-{name}" for name in ("val", "identity-val", "gaussian-filter-val", "median-filter-val")
    }
    assert card.facts["Judged with"].startswith("gaussian noise of level 40") and "Classes" not in card.facts
    assert rows == [{"image_id": 1, "file_name": str(photos / "00.png"), "picture": "pictures/00.png", "width": 32,
                     "height": 32}]  # fmt: skip
    with (
        Image.open(tmp_path / "found" / "pictures" / "00.png") as restored,
        Image.open(tmp_path / "found" / "overlays" / "00.jpg") as beside,
    ):
        assert restored.size == (SIDE, SIDE) and beside.width > 2 * beside.height
    again = cs.audit(run)
    assert any(finding.metric == "gain in PSNR" for finding in again.findings)
    other = cs.evaluate(run, made / "street", split="val")
    assert other.task == "reconstruction" and len(other.ids) == 20


def test_a_picture_is_kept_in_a_code_and_scored_by_class(made, tmp_path):
    settings = {"backbone": "regnetx_002", "width": 8, "bottleneck": 16, "optimizer": "adamw"}
    run = trained("autoencoder", made / "folders", tmp_path / "run", epochs=20, settings=settings)
    card, _ = check(run, "reconstruction", "PSNR", 12, made / "folders" / "val" / "red", tmp_path)
    assert "reconstruct pictures" in card.summary and not any(f.metric == "gain in PSNR" for f in card.findings)
    assert set(run.read_evidence("val", ReconstructionStatistics).groups["class"]) == set(COLOURS)
    classifier = trained(
        "classifier", made / "folders", tmp_path / "classifier", backbone=f"run:{run.path}", epochs=1
    )  # fmt: skip
    assert classifier.config.backbone == "regnetx_002"


@pytest.mark.skipif(torch.cuda.is_available(), reason="weights are identical bit by bit on a processor")
def test_a_denoiser_of_one_seed_ends_in_the_same_weights(photos, tmp_path):
    settings = {"widths": "8,8", "patch_px": 16, "precision": "float32", "batch_size": 8}
    whole = trained("denoiser", photos, tmp_path / "whole", epochs=2, settings=settings)
    again = trained("denoiser", photos, tmp_path / "again", epochs=2, settings=settings)
    assert all((whole.read_weights()[name] == weight).all() for name, weight in again.read_weights().items())


def test_pictures_alone_train_no_classifier(photos):
    with pytest.raises(ValueError, match="Models for such data: autoencoder, colour, colour-adversarial, denoiser"):
        trained("cnn", f"pictures:{photos}", None)
