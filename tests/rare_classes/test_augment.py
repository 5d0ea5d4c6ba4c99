"""The verb from data to page: trained, interrupted, gone on with, refused where pictures may have leaked."""

import json
import sys

import pytest

import clearsight as cs
from clearsight import cli
from clearsight.console import signals
from clearsight.rare_classes import experiment
from clearsight.training.loop import Interrupted

TINY = {"batch_size": 16, "latents": 4, "width": 8, "precision": "float32", "held_out": 0}
MLP = {"widths": "16", "batch_size": 50, "precision": "float32"}
ASKED = {"class_name": "disc", "ratios": (1, 2), "seeds": 2, "classifier": "mlp", "epochs": 1,
         "classifier_settings": MLP, "quiet": True}  # fmt: skip
FEW = {"model": "vae", "settings": TINY, "generator_epochs": 2}


@pytest.fixture(scope="module")
def interrupted(shapes, tmp_path_factory):
    """An experiment stopped in its third training, after the generator was trained for it."""
    folder, kept = tmp_path_factory.mktemp("augment") / "e", experiment.Folder.keep
    patch = pytest.MonkeyPatch()
    asked_to_stop = []
    patch.setattr(signals.Stop, "asked", lambda stop: bool(asked_to_stop))

    def keep(self, arm, seed, *rest):
        kept(self, arm, seed, *rest)
        if len(list((folder / "trainings").iterdir())) == 3:
            asked_to_stop.append(True)

    patch.setattr(experiment.Folder, "keep", keep)
    with pytest.raises(Interrupted, match=f"clearsight augment --resume {folder}"):
        cs.augment(shapes, **ASKED, **FEW, out=folder)
    patch.undo()
    return folder


@pytest.fixture(scope="module")
def found(interrupted):
    return cs.augment(resume=interrupted, quiet=True)


def test_it_goes_on_where_it_was(interrupted, found):
    assert len(list((interrupted / "trainings").iterdir())) == 2 * 9
    assert found.cost.seconds > 0 and found.seeds == 2 and found.steps == 3 and found.ratios == (1.0, 2.0)
    first = (interrupted / "generator" / "run.json").stat().st_mtime_ns
    again = cs.augment(resume=interrupted, quiet=True)
    assert again.arms == found.arms and again.gains == found.gains and again.verdict == found.verdict
    assert (interrupted / "generator" / "run.json").stat().st_mtime_ns == first


def test_the_result_says_what_was_done(interrupted, found):
    assert found.counts == {"training": 150, "training of the class": 10, "held out": 150, "held out of the class": 60,
                            "held-out clusters": 150}  # fmt: skip
    assert found.split == "test" and len(found.arms) == 9 and len(found.gains) == 2 * 7 * 4
    assert found.copies.made >= 2 * 20 and found.confidence == pytest.approx(0.975)
    assert found.verdict in ("helps", "no evidence of help") and "disc" in found.claim
    written = json.loads((interrupted / "results.json").read_text())
    assert written["verdict"] == found.verdict and len(written["arms"]) == 9
    page = (interrupted / "report.html").read_text()
    assert "Generated pictures" in page and "data:image/png" in page and "oversampling, 1:1" in page
    assert str(found.copies).split(":")[0] in page


def test_a_generator_of_the_same_data_is_taken_and_one_of_others_is_refused(interrupted, found, shapes, tmp_path):
    generator = interrupted / "generator"
    again = cs.augment(shapes, run=generator, **ASKED, out=tmp_path / "again")
    assert again.arms == found.arms and not (tmp_path / "again" / "generator").exists()
    moved = tmp_path / "moved"
    for path in shapes.rglob("*.png"):
        split, kind = path.parts[-3:-1]
        other = moved / ("test" if path.name == "train-bar-0.png" else split) / kind
        other.mkdir(parents=True, exist_ok=True)
        (other / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="may have learnt from the very pictures"):
        cs.augment(moved, run=generator, **ASKED, out=tmp_path / "leak")
    assert not (tmp_path / "leak").exists()


BAD = [
    ({}, "either --model .* or --run"),
    ({"model": "vae", "run": "x"}, "Give one of the two"),
    ({"model": "cnn"}, "cnn makes no pictures"),
    ({"model": "vae", "class_name": "dics"}, "Did you mean disc"),
    ({"model": "vae", "ratios": (0.0,)}, "ratios is 0. Expected"),
    ({"model": "vae", "ratios": (2, 2)}, "given twice"),
    ({"model": "vae", "seeds": 1}, "seeds is 1. Expected at least 2"),
    ({"model": "vae", "epochs": -1}, "epochs is -1. Expected a number above 0"),
    ({"model": "vae", "minutes": 1}, "minutes and epochs were both given"),
    ({"model": "vae", "classifier": "yolo"}, "yolo does not classify pictures"),
    ({"model": "vae", "classifier_settings": {"depths": 3}}, "there is no setting 'depths'"),
    ({"run": "nowhere"}, "there is no run in nowhere"),
    ({"run": "nowhere", "generator_minutes": 1}, "generator_minutes cannot be chosen"),
]


@pytest.mark.parametrize(("asked", "message"), BAD)
def test_what_cannot_be_is_one_message_and_nothing_is_made(shapes, tmp_path, asked, message):
    with pytest.raises(ValueError, match=message):
        cs.augment(shapes, **{**ASKED, **asked}, out=tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_other_data_than_classes_and_too_few_of_them_are_one_message(shapes, tmp_path, interrupted):
    few = tmp_path / "few"
    for split in ("train", "test"):
        for kind, most in (("bar", 120), ("disc", 4 if split == "train" else 50)):
            (few / split / kind).mkdir(parents=True)
            for path in sorted((shapes / split / kind).iterdir())[:most]:
                (few / split / kind / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="4 training pictures of disc. Expected at least 5"):
        cs.augment(few, **ASKED, **FEW, out=tmp_path / "e")
    with pytest.raises(ValueError, match="one class for every picture"):
        cs.augment("digits", **{**ASKED, "class_name": "8"}, **FEW, out=tmp_path / "e")
    with pytest.raises(ValueError, match="Go on with the experiment in it by --resume"):
        cs.augment(shapes, **ASKED, **FEW, out=interrupted)
    with pytest.raises(ValueError, match="class_name, seeds cannot be changed"):
        cs.augment(resume=interrupted, class_name="disc", seeds=3)
    with pytest.raises(ValueError, match="holds no experiment"):
        cs.augment(resume=tmp_path)
    assert not (tmp_path / "e").exists()


def test_the_command_prints_a_table_and_json(interrupted, found, monkeypatch, capsys):
    for words in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["clearsight", "augment", "--resume", str(interrupted), "--quiet", *words])
        cli.main()  # what succeeds returns; the exit status of a process is then 0
        printed = capsys.readouterr().out
        if words:
            assert json.loads(printed)["claim"] == found.claim
        else:
            assert found.claim in printed and "class weights, 1:2" in printed and "balanced accuracy" in printed
    monkeypatch.setattr(
        sys, "argv", ["clearsight", "augment", "x", "--class", "a", "--model", "vae", "--ratios", "1,x"]
    )
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2 and "--ratios is '1,x'" in capsys.readouterr().err
