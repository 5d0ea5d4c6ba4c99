"""evaluate, audit, compare, runs and data on a run and on other data."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import clearsight as cs
from clearsight.evaluation.conclusion import SAME_PICTURES, summary_of
from clearsight.evaluation.judging import evidence_name, judged_split, keep_evidence, same_place
from clearsight.files.records import to_json
from clearsight.metrics.detection import DetectionStatistics
from clearsight.printing import results
from clearsight.run import Run
from clearsight.sources import read
from clearsight.verbs.evaluate import metrics, notes


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of the run, to be changed at will."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return Run.open(tmp_path / "run")


@pytest.fixture(scope="module")
def other(tmp_path_factory, write_voc):
    """New data without any split, whose first class by name is not the run's first: no bricks at all."""
    folder = write_voc(tmp_path_factory.mktemp("other") / "garden", train=12, val=0, seed=5)
    shutil.rmtree(folder / "ImageSets")
    for file in (folder / "Annotations").iterdir():
        text = file.read_text()
        while "<name>brick" in text:
            start = text.rindex("<object>", 0, text.index("<name>brick"))
            text = text[:start] + text[text.index("</object>", start) + 9 :]
        file.write_text(text)
    return folder


def test_the_card_says_what_a_reader_needs(tiny_run):
    card = tiny_run.read_card()
    assert card.title == "yolo on rectangles" and card.task == "detection" and card.responsible == "A. Person"
    assert card.summary == (
        "A yolo on the backbone regnetx_002, trained on rectangles for 12 epochs to find brick and leaf."
    )
    assert card.facts["Trained on"] == "40 pictures" and card.facts["Classes"] == "brick, leaf"
    assert card.facts["Evaluated on"] == "70 pictures of the split val, not trained on"
    assert card.facts["Data"] == "rectangles (voc)" and card.facts["Budget"] == "12 epochs"
    assert card.notes == (SAME_PICTURES,), "no test split: the threshold was settled on the judged pictures"
    assert card.provenance["data fingerprint"] == tiny_run.config.fingerprint
    assert card.cost.seconds > 1 and card.cost.zone is None
    assert {example.kind for example in card.examples} == {"worst", "best", "error"}
    for example in card.examples:
        with Image.open(tiny_run.path / example.path) as picture:
            assert min(picture.size) >= 400
    scores = [example.score for example in card.examples if example.kind != "error"]
    assert max(scores[:3]) <= min(scores[3:]), "the worst come before the best"
    assert any("cameras" in gap for gap in card.untested) and not any("--attributes" in gap for gap in card.untested)


def test_every_number_of_the_card_carries_its_n_and_its_method(tiny_run):
    for finding in tiny_run.read_card().findings:
        assert finding.n > 0 and finding.unit and finding.method and finding.claim.endswith("."), finding
        if finding.interval is not None:
            low, high = finding.interval
            assert low <= finding.value <= high, finding


def test_the_finished_run_keeps_weights_and_drops_its_checkpoint(tiny_run):
    assert tiny_run.config.state == "finished" and tiny_run.has_weights and not tiny_run.has_checkpoint
    assert set(tiny_run.evidence_names) == {"val", "baseline-val"}
    assert 0 < tiny_run.config.settings["deployed"]["threshold"] < 1


@pytest.mark.parametrize(
    ("budget", "words"),
    [({"epochs": 1.0}, "1 epoch to"), ({"minutes": 2.5}, "2.5 minutes to"), ({"kwh": 0.25}, "0.25 kWh to"), ({"kwh": 2e-5}, "0.02 Wh to")],
)
def test_the_budget_reads_as_a_person_writes_it(tiny_run, budget, words):
    config = tiny_run.config
    assert words in summary_of(dataclasses.replace(config, settings={**config.settings, "budget": budget}))


def test_evaluating_the_runs_own_data_repeats_its_evidence(run, rectangles):
    evidence = cs.evaluate(run, rectangles)
    trained = run.read_evidence("val", DetectionStatistics)
    assert evidence.ids == trained.ids and evidence.about["split"] == "val" and len(evidence.ids) == 70
    assert np.array_equal(evidence.statistics.score, trained.statistics.score)
    assert evidence.statistics.threshold == trained.statistics.threshold
    assert "rectangles-val" in run.evidence_names


def test_the_runs_own_data_are_known_by_any_of_their_names(rectangles, tmp_path, monkeypatch):
    monkeypatch.chdir(rectangles.parent)
    for name in ("rectangles", "./rectangles/", "voc:rectangles", f"voc:{rectangles}", rectangles):
        assert same_place(name, str(rectangles)), name
    for name in ("digits", tmp_path, "voc:nowhere", "nowhere"):
        assert not same_place(name, str(rectangles)), name
    assert same_place("digits", "digits") and not same_place("nowhere", "elsewhere")


def test_pictures_trained_on_are_never_judged_by_another_name_of_the_folder(run, other, monkeypatch):
    """Data without splits: what was held out then is held out again, whatever the folder is called now."""
    source = read(other)
    run.change(data=str(other), fingerprint=source.fingerprint)
    monkeypatch.chdir(other.parent)
    evidence = cs.evaluate(run, "./garden")
    assert evidence.about["split"] == "val" and len(evidence.ids) == len(source.split("val"))


def test_other_data_without_splits_are_judged_whole_with_the_models_class_ids(run, other):
    evidence = cs.evaluate(run, other)
    assert len(evidence.ids) == 12 and evidence.statistics.class_names == ("brick", "leaf")
    counts = evidence.statistics.truths[:, :, 0].sum(0)
    assert counts[0] == 0 and counts[1] > 0, "leaves keep the model's second id though they are the first of the data"
    named = {finding.metric: finding for finding in metrics(evidence)}
    assert named["AP50"].value > 0.05, "with ids mixed up nothing could be right"
    assert "garden-train" in run.evidence_names


def test_data_sets_of_one_name_keep_their_evidence_apart(run, other, write_voc, tmp_path):
    """Nothing saved is lost: another folder called garden does not take the place of the first one's evidence."""
    first = cs.evaluate(run, other)
    second = cs.evaluate(run, write_voc(tmp_path / "garden", train=9, val=5, seed=8), split="train")
    assert first.about["fingerprint"] != second.about["fingerprint"]
    apart = f"garden-train-{second.about['fingerprint'][:8]}"
    assert {"garden-train", apart} <= set(run.evidence_names)
    for _ in range(2):  # and again: each in its own place
        assert run.read_evidence("garden-train", DetectionStatistics).ids == first.ids
        assert run.read_evidence(apart, DetectionStatistics).ids == second.ids
        names = run.evidence_names
        cs.evaluate(run, tmp_path / "garden", split="train")
        cs.evaluate(run, other)
        assert run.evidence_names == names


def test_evidence_is_compared_by_its_pictures_not_by_its_name(run, tmp_path):
    """Two runs that met two data sets of one name in turn have the same evidence under different names."""
    shutil.copytree(run.path, tmp_path / "turned")
    turned = Run.open(tmp_path / "turned")
    evidence = run.read_evidence("val", DetectionStatistics)
    for one, order in ((run, "ab"), (turned, "ba")):
        (one.path / "evidence" / "val.safetensors").unlink()
        for letter in order[: 1 if one is turned else 2]:
            about = {**evidence.about, "data": "garden", "split": "test", "fingerprint": letter * 32}
            keep_evidence(one, dataclasses.replace(evidence, about=about))
    assert "garden-test" in turned.evidence_names and "garden-test-bbbbbbbb" in run.evidence_names
    found = cs.compare(run, turned, speed=False)
    assert found.evidence == "garden-test-bbbbbbbb" and found.n == len(evidence.ids)
    assert cs.compare(turned, run, speed=False).evidence == "garden-test"


def test_data_called_baseline_is_no_baseline(run):
    evidence = run.read_evidence("val", DetectionStatistics)
    before = (run.path / "evidence" / "baseline-val.safetensors").read_bytes()
    name = keep_evidence(run, dataclasses.replace(evidence, about={**evidence.about, "data": "baseline"}))
    assert name == "data-baseline-val" and name in run.evidence_names
    assert (run.path / "evidence" / "baseline-val.safetensors").read_bytes() == before


def test_unknown_classes_are_named(run, other, tmp_path):
    shutil.copytree(other, tmp_path / "strange")
    file = next((tmp_path / "strange" / "Annotations").iterdir())
    text = file.read_text()
    text = text.replace("</annotation>", "<object><name>gnome</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>"
                        "<ymax>9</ymax></bndbox></object></annotation>")  # fmt: skip
    file.write_text(text)
    with pytest.raises(ValueError, match=r"gnome.*brick, leaf"):
        cs.evaluate(run, tmp_path / "strange")


def test_a_wrong_split_is_named(run, rectangles):
    with pytest.raises(ValueError, match=r"no split 'vall'.*Did you mean val"):
        cs.evaluate(run, rectangles, split="vall")


def test_a_split_of_another_name_is_judged_where_there_is_no_other(tiny_run, rectangles):
    source = read(rectangles)
    strange = dataclasses.replace(source, splits={"winter 2020": source.splits["val"]})
    assert judged_split(strange) == "winter 2020" and judged_split(source) == "val"
    assert evidence_name("../a b:c", "winter 2020") == "a-b-c-winter-2020"
    assert evidence_name("///", "…") == "data-split"


@pytest.mark.parametrize("name", ["evaluate", "audit", "predict"])
def test_a_run_that_never_began_is_one_clear_error(name, rectangles, tmp_path):
    broken = Run.create(tmp_path / "begun", "yolo", str(rectangles))
    arguments = [rectangles / "JPEGImages"] if name == "predict" else [rectangles]
    with pytest.raises(ValueError, match="before its training began"):
        getattr(cs, name)(broken, *arguments)
    with pytest.raises(ValueError, match="before its training began"):
        cs.train(resume=broken.path)


def test_a_run_without_weights_is_one_clear_error(run, rectangles):
    (run.path / "weights.safetensors").unlink()
    with pytest.raises(ValueError, match="no weights"):
        cs.evaluate(run, rectangles)


def test_weights_that_do_not_fit_are_one_clear_error(run, rectangles):
    settings = run.config.settings
    run.change(settings={**settings, "model": {**settings["model"], "width": 32}})
    with pytest.raises(ValueError, match="do not fit"):
        cs.evaluate(run, rectangles)


def test_an_audit_of_the_own_data_keeps_the_notes_and_adds_carbon(run):
    before = run.read_card()
    card = cs.audit(run, zone="fra", responsible="B. Person")
    assert card.cost.zone == "FRA" and card.cost.kg_co2e[1] > 0
    assert (
        card.cost.stages["training"].kwh == before.cost.stages["training"].kwh and card.cost.kwh[1] > before.cost.kwh[1]
    )
    assert card.notes == before.notes and card.responsible == "B. Person"
    assert to_json(run.read_card()) == to_json(card)
    assert {f.claim for f in before.findings if f.question == "what it does"} == {
        f.claim for f in card.findings if f.question == "what it does"
    }
    assert "FRA" in (run.path / "report.html").read_text(encoding="utf-8")


def test_an_audit_of_other_data_speaks_of_these(run, other):
    card = cs.audit(run, other)
    assert "12 pictures of garden" in card.facts["Evaluated on"]
    assert SAME_PICTURES not in card.notes and card.responsible == "A. Person"
    shown = [int(number) for example in card.examples for number in re.findall(r"scene(\d+)", example.caption)]
    assert len(shown) == len(card.examples) and max(shown) < 12


def test_an_audit_of_data_without_the_attribute_asked_for_in_training_goes_on(run, other, tmp_path):
    shutil.copytree(other, tmp_path / "plain")
    (tmp_path / "plain" / "attributes.csv").unlink()
    card = cs.audit(run, tmp_path / "plain")
    assert any("--attributes" in gap for gap in card.untested)


@pytest.mark.parametrize(
    ("wrong", "message"), [({"by": ["lihgt"]}, "no attribute 'lihgt'"), ({"zone": "FRANCE"}, "no grid zone")]
)
def test_wrong_audits_fail_before_any_work_and_leave_the_card(run, wrong, message, monkeypatch):
    monkeypatch.setattr(
        "clearsight.evaluation.evaluator.evaluate", lambda *a, **k: pytest.fail("judged before it was checked")
    )
    before = (run.path / "card.json").read_bytes()
    with pytest.raises(ValueError, match=message):
        cs.audit(run, **wrong)
    assert (run.path / "card.json").read_bytes() == before


def test_a_run_compared_with_itself_differs_by_nothing(tiny_run):
    found = cs.compare(tiny_run, tiny_run.path, speed=False)
    assert found.evidence == "val" and found.differences[0].metric == "AP"
    for one in found.differences:
        if not np.isnan(one.first):
            assert one.difference == 0 and one.n == 70 and one.clusters == 12
    assert "cannot be told apart" in found.claims[0]


def worse(run, share):
    """The run's evidence with every detection moved down to a low, shuffled score: far worse on the same pictures."""
    evidence = run.read_evidence("val", DetectionStatistics)
    keep = np.random.default_rng(0).random(len(evidence.statistics.score)) < share
    found = evidence.statistics
    changed = dataclasses.replace(
        found, row=found.row[keep], label=found.label[keep], score=found.score[keep], overlap=found.overlap[keep],
        matched=found.matched[:, :, keep], ignored=found.ignored[:, :, keep],
    )  # fmt: skip
    run.write_evidence("val", dataclasses.replace(evidence, statistics=changed))


def test_the_better_run_is_named_with_a_paired_interval(run, tiny_run):
    worse(run, 0.1)
    found = cs.compare(run, tiny_run, speed=False)
    headline = found.differences[0]
    assert headline.difference == pytest.approx(headline.second - headline.first) and headline.difference > 0
    assert 0 < headline.interval[0] <= headline.difference <= headline.interval[1] and headline.p < 0.05
    assert "tiny is better than run" in found.claims[0]
    back = cs.compare(tiny_run, run, speed=False)
    assert "run is worse than tiny" in back.claims[0] and back.differences[0].difference == -headline.difference
    assert back.differences[0].interval == pytest.approx((-headline.interval[1], -headline.interval[0]))


def test_each_run_is_compared_with_the_first(run, tiny_run):
    worse(run, 0.1)
    found = cs.compare(tiny_run, run, tiny_run, speed=False)
    assert [one.name for one in found.runs] == [str(one.path) for one in (tiny_run, run, tiny_run)]
    assert len(found.claims) == 2 and "worse" in found.claims[0] and "cannot be told apart" in found.claims[1]
    assert [one.run for one in found.differences[:2]] == [str(run.path), str(tiny_run.path)]


def test_several_runs_are_one_page_with_what_each_misses(run, tiny_run, tmp_path):
    worse(run, 0.1)
    place = tmp_path / "new" / "compared.html"
    found = cs.compare(tiny_run, run, out=place)
    assert [one.name for one in found.runs] == ["tiny", "run"]
    assert len(found.claims) == 1 and "run is worse than tiny" in found.claims[0]
    for one in found.runs:
        assert one.speed.ms_per_picture > 0 and one.speed.parameters > 1000 and one.speed.memory_mb > 50
    page = place.read_text("utf-8")
    assert 2 <= page.count("<img ") <= 4 and "run falls behind on" in page and "time per picture" in page
    assert "<b>Comparison</b>" in page and "Model report" not in page and "<dt>tiny</dt>" in page
    best = max(found.runs, key=lambda one: next(iter(one.scores.values())).value).name
    assert re.search(rf'class="headline">.*<strong>[^<]*, {best}</strong>', page)
    assert "Paired difference to tiny: run −" in page and " against tiny" not in page
    assert found.page == str(place)
    with pytest.raises(ValueError, match="exists. A page is written into a new file"):
        cs.compare(tiny_run, run, out=place)


def test_a_comparison_without_its_pictures_says_so(run, tmp_path):
    run.change(data=str(tmp_path / "gone"))
    found = cs.compare(run, run, out=tmp_path / "page.html")
    assert all(one.speed is None for one in found.runs) and len(found.notes) == 2
    assert "speed was not measured" in found.notes[0] and "there are no pictures" in found.notes[1]


def test_one_run_is_not_compared(run):
    with pytest.raises(ValueError, match="1 run was named. Expected two or more"):
        cs.compare(run)


def test_runs_judged_on_other_pictures_cannot_be_compared(run, tiny_run):
    evidence = run.read_evidence("val", DetectionStatistics)
    about = {**evidence.about, "fingerprint": "other"}
    run.write_evidence("val", dataclasses.replace(evidence, about=about))
    with pytest.raises(ValueError, match="not evaluated on the same pictures.*clearsight evaluate"):
        cs.compare(run, tiny_run)


def test_runs_of_two_tasks_cannot_be_compared(run, tiny_run):
    run.change(task="poetry")
    with pytest.raises(ValueError, match="poetry"):
        cs.compare(run, tiny_run)


def test_runs_are_listed_with_how_they_ended_the_damaged_too(run):
    folder = run.path.parent
    shutil.copytree(run.path, folder / "run-2")
    (folder / "run-2" / "card.json").unlink()
    Run(folder / "run-2").change(state="interrupted")
    (folder / "run-10").mkdir()
    (folder / "run-10" / "run.json").write_text("{")
    (folder / "no-run").mkdir()
    lines = cs.runs(folder)
    assert [line.path for line in lines] == [str(folder / name) for name in ("run", "run-2", "run-10")]
    assert [line.state for line in lines] == ["finished", "interrupted", "damaged"]
    first = run.read_card().findings[0]
    assert (lines[0].metric, lines[0].value, lines[0].interval) == ("AP", first.value, first.interval)
    assert (lines[1].metric, lines[1].value) == ("", None)
    text = results.runs(lines, "runs").splitlines()
    assert text[0].split()[5:] == ["metric", "value", "95%", "interval"]
    assert f"AP  {first.value:.3f}  [{first.interval[0]:.3f}, {first.interval[1]:.3f}]" in " ".join(
        text[1].split("   ")
    )
    assert lines[0].claim.startswith("A yolo on the backbone") and not lines[1].claim and "damaged" in lines[2].claim
    assert cs.runs(folder / "nowhere") == ()


def test_data_are_described(rectangles):
    found = cs.data(rectangles)
    assert found.splits["train"].pictures == 40 and found.splits["val"].pictures == 70
    assert found.splits["val"].groups["light"] == {"day": 35, "night": 35}
    assert json.loads(json.dumps(found.as_dict()))["class_names"] == ["brick", "leaf"]


def test_wrong_trainings_fail_before_a_folder_is_made(rectangles, tmp_path):
    for wrong, message in [
        ({"zone": "FRANCE"}, "no grid zone"),
        ({"by": ["age"]}, "no attribute 'age'"),
        ({"settings": {"widht": 3}}, "Did you mean width"),
        ({"devices": 3, "settings": {"batch_size": 8}}, "batch of 8 cannot be shared evenly by 3"),
        ({"devices": 0}, "0 devices"),
        ({"epochs": 0}, "budget"),
        ({"epochs": 1, "minutes": 1}, "2 budgets"),
        ({"backbone": "resnt18"}, "resnet18"),
        ({"pretrained": tmp_path / "none.safetensors"}, "none.safetensors"),
    ]:
        with pytest.raises(ValueError, match=message):
            cs.train("yolo", rectangles, out=tmp_path / "new", **wrong)
        assert not (tmp_path / "new").exists(), wrong


def test_a_resumed_run_keeps_its_own_settings(run):
    run.change(state="interrupted")
    with pytest.raises(ValueError, match="minutes, seed cannot be changed"):
        cs.train(resume=run.path, minutes=5, seed=3)
    run.change(state="finished")
    with pytest.raises(ValueError, match="has finished"):
        cs.train(resume=run.path)


def test_scores_on_training_pictures_say_so_and_never_become_the_report(run):
    evidence = cs.evaluate(run, run.config.data, split="train")
    assert evidence.seen.all()
    assert notes(evidence) == ("The scores are too good: the model was trained on these very pictures.",)
    kept = {name: (run.path / name).read_bytes() for name in ("report.html", "model-card.md", "card.json")}
    for word in ("train", "training"):
        with pytest.raises(ValueError, match="was trained on the split train of rectangles"):
            cs.audit(run, split=word)
    assert kept == {name: (run.path / name).read_bytes() for name in kept}


def test_other_data_whose_split_is_called_train_were_not_trained_on(run, other):
    assert cs.evaluate(run, other, split="train").seen is None
