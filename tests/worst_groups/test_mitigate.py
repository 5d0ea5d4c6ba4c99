"""The verb from end to end: a classifier that leans on backgrounds, mended by a last layer, and what is refused."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import clearsight as cs
from clearsight.loading import division
from clearsight.run import Run


def content_of(run):
    return {
        path.relative_to(run.path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.path.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def before(leaning):
    """The content of the run before anything is done to it."""
    return content_of(leaning)


@pytest.fixture(scope="module")
def mended(leaning, digits, before, tmp_path_factory):
    out = tmp_path_factory.mktemp("mended") / "new"
    return cs.mitigate(leaning, digits, by=["background"], out=out, quiet=True)


def test_a_new_last_layer_mends_a_classifier_that_leans_on_the_background(mended):
    worst = mended.figures.worst_group_error
    assert 1 - worst.before < 0.75 and 1 - worst.after > 0.88, mended.claim
    assert mended.verdict == "improvement shown" and worst.change_interval[1] < 0
    assert mended.mitigation == "last-layer" and worst.change == pytest.approx(worst.after - worst.before)
    assert {one.metric for one in mended.figures.groups} == {
        f"{label}, {ground}" for label in ("closed", "open") for ground in ("rows", "columns")
    }
    assert worst.after == pytest.approx(max(one.after for one in mended.figures.groups))
    assert mended.cost.kwh[1] > 0 and "Wh (" in mended.claim


def test_the_run_it_began_from_is_left_as_it_was(leaning, before, mended):
    assert content_of(leaning) == before


def test_the_mitigated_model_is_a_run_that_is_judged_on_pictures_it_has_never_seen(mended, digits, tmp_path):
    new = Run.open(mended.model)
    parts = division.kept(new)
    assert parts.fitted and parts.tuning and not {*parts.figures} & {*parts.tuning}
    found = cs.evaluate(new, digits)
    assert set(found.ids) == set(parts.figures)
    cells = np.array([f"{t}{g}" for t, g in zip(found.statistics.truth, found.groups["background"], strict=True)])
    wrong = ~found.statistics.right
    worst = max(wrong[cells == cell].mean() for cell in np.unique(cells))
    assert worst == pytest.approx(mended.figures.worst_group_error.after, abs=1e-6)
    card = new.read_card()
    assert card.facts["Evaluated on"].startswith(f"{len(parts.figures)} pictures")
    picture = next((digits / "test" / "open").iterdir())
    assert len(cs.predict(new, picture, out=tmp_path / "predicted", quiet=True).predictions) == 1
    page = (new.path / "mitigation.html").read_text(encoding="utf-8")
    assert "worst group" in page and json.loads((new.path / "mitigation.json").read_text())["verdict"]


def test_without_a_test_split_validation_pictures_are_divided_by_whole_clusters(leaning, digits):
    from clearsight.sources import read, records_of
    from clearsight.worst_groups.grouping import grouping_of

    source = read(str(digits))
    splits = {name: one for name, one in source.splits.items() if name != "test"}
    source = type(source)(**{**vars(source), "splits": splits})
    grouping = grouping_of(source, ["background"])
    cells = {name: grouping.coded(records_of(one)).cells for name, one in splits.items()}
    parts = division.division_of(source, cells, 0)
    clusters = {record.id: record.cluster for record in records_of(source.split("val"))}
    sides = [{clusters[id] for id in getattr(parts, name)} for name in division.PARTS]
    assert all(sides) and not sides[0] & sides[1]
    assert sum(len(getattr(parts, name)) for name in division.PARTS) == len(clusters)
    divided = division.divided(source, parts)
    assert {record.id for record in records_of(divided.split("test"))} == {*parts.figures}
    assert {record.id for record in records_of(divided.split("val"))} == {*parts.tuning}
    fitted = division.divided(source, replace(parts, fitted=True))
    assert {*parts.tuning} < {record.id for record in records_of(fitted.split("train"))} and "val" not in fitted.splits
    assert len({divided.fingerprint, source.fingerprint, fitted.fingerprint}) == 3


def test_thresholds_of_groups_make_no_run_and_come_with_what_the_law_says(leaning, digits, tmp_path):
    found = cs.mitigate(leaning, by=["background"], only=["group-thresholds"], out=tmp_path / "t", quiet=True)
    assert found.model is None and set(found.offsets) == {"rows", "columns"}
    assert any("The law forbids" in note for note in found.notes)
    assert not (tmp_path / "t" / "run.json").exists() and (tmp_path / "t" / "mitigation.html").is_file()
    assert found.figures.worst_group_error.after < found.figures.worst_group_error.before


def test_trained_anew_with_other_draws_weights_and_objectives(leaning, tmp_path):
    only = ["logit-adjustment", "group-dro", "fine-tuning"]
    found = cs.mitigate(leaning, by=["background"], only=only, epochs=0.2, out=tmp_path / "r", quiet=True)
    assert [one.mitigation for one in found.tried] == ["as it is", *only]
    assert all(np.isfinite(one.worst_group_error) for one in found.tried)
    error = {one.mitigation: 1 - one.accuracy for one in found.tried}
    # A fifth of an epoch from random weights teaches nothing; from the run's weights nothing is lost.
    assert error["fine-tuning"] < error["as it is"] + 0.05 < error["logit-adjustment"]
    assert (found.model is None) == (found.mitigation == "as it is")


@pytest.mark.slow
def test_pictures_of_a_generator_are_added_to_the_rarer_class(leaning, digits, tmp_path):
    settings = {"width": 8, "latents": 8, "size": (16, 16), "conditional": True}
    generator = cs.train("vae", digits, epochs=2, settings=settings, out=tmp_path / "vae", quiet=True)
    found = cs.mitigate(
        leaning, by=["class"], only=["generated-pictures"], generator=generator, epochs=0.5, out=tmp_path / "g",
        quiet=True,
    )  # fmt: skip
    assert "generated pictures added" in found.tried[1].said and np.isfinite(found.tried[1].worst_group_error)


def refused(match, *arguments, **keywords):
    with pytest.raises(ValueError, match=match):
        cs.mitigate(*arguments, quiet=True, **keywords)


def test_mistakes_are_said_before_anything_is_made(leaning, mended, digits, tmp_path):
    out = tmp_path / "new"
    by = {"by": ["background"], "out": out}
    shutil.copytree(leaning.path, tmp_path / "detector")
    detector = Run.open(tmp_path / "detector")
    detector.change(task="detection")
    refused("does detection. Mitigations are for models that name one class", detector, by=["light"], out=out)
    refused("no attribute 'race'.*It has: background", leaning, by=["race"], out=out)
    refused("nobody said which groups.*The data have: background", leaning, out=out)
    refused("no mitigation named 'last-layr'. Did you mean last-layer", leaning, only=["last-layr"], **by)
    refused("named twice", leaning, only=["last-layer", "last-layer"], **by)
    refused("no use for --epochs", leaning, epochs=2, **by)
    refused("Expected a number above 0", leaning, only=["group-dro"], minutes=-1, **by)
    refused("adds pictures of a generator, and none", leaning, only=["generated-pictures"], **by)
    refused("nothing that is to be tried needs a generator", leaning, generator=leaning, **by)
    refused("is a cnn, which makes no pictures", leaning, only=["generated-pictures"], generator=leaning, **by)
    refused("one budget", leaning, only=["group-dro"], minutes=1, epochs=1, **by)
    refused("mitigated model already", mended.model, **by)
    refused("exists", leaning, by=["background"], out=tmp_path)
    other = tmp_path / "other"
    shutil.copytree(digits, other)
    first, second = sorted((other / "train" / "open").iterdir())[:2]
    shutil.copy(first, second)  # one picture is another now
    refused("is not what .* was trained on", leaning, other, **by)
    assert not out.exists()


def test_groups_too_small_to_be_judged_are_refused(leaning, digits, tmp_path):
    table = tmp_path / "people.csv"
    rows = (digits / "attributes.csv").read_text().splitlines()[1:]
    table.write_text(
        "id,person,cluster\n" + "".join(f"{r.split(',')[0]},{k},{r.split(',')[2]}\n" for k, r in enumerate(rows))
    )
    refused(
        "Expected two or more: smaller ones say nothing", leaning, by=["person"], attributes=table, out=tmp_path / "n"
    )


def test_a_training_that_is_stopped_leaves_nothing(leaning, tmp_path, monkeypatch):
    from clearsight.training.loop import Interrupted

    def stopped(*arguments, **keywords):
        raise Interrupted

    monkeypatch.setattr("clearsight.worst_groups.trials.retrained", stopped)
    with pytest.raises(KeyboardInterrupt):
        cs.mitigate(leaning, by=["background"], only=["group-dro"], out=tmp_path / "s", quiet=True)
    assert not (tmp_path / "s").exists()


def test_the_statistics_of_a_last_layer_are_those_of_the_network_it_is_put_in(leaning):
    """Features and the linear layer, computed apart, give what the network predicts."""
    import torch

    from clearsight.loading import trained

    network = trained.load(leaning)
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        apart = (network.linear(network.features(images)) / network.config.temperature).softmax(1)
    whole = torch.stack([one.probabilities for one in network.predict(images)])
    torch.testing.assert_close(apart, whole, atol=1e-5, rtol=1e-5)
