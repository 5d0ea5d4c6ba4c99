"""The command from small pictures to files; its audit from a run to a report that opens with what it must not do."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import clearsight as cs
from clearsight import report
from clearsight.cli import app
from clearsight.generation import fitting, restorations
from clearsight.report.opening import MUST_NOT_IDENTIFY, opening
from clearsight.run import Run

SMALL = {
    "width": 8, "latents": 8, "batch_size": 16, "held_out": 0.4, "importance_share": 0.0, "learning_rate": 5e-3,
    "flips": "none",
}  # fmt: skip
FEW = {"steps": 30, "epsilon": 0.004, "finish": "none"}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Grey pictures of 16 px, of discs and of bars, which is an attribute of theirs."""
    folder, random = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    rows, columns = np.mgrid[:16, :16]
    table = []
    for number in range(120):
        kind = "bar" if number % 2 else "disc"
        top, left = random.uniform(6, 10, 2)
        shape = np.abs(columns - left) < 2 if kind == "bar" else (rows - top) ** 2 + (columns - left) ** 2 < 16
        Image.fromarray((shape * random.uniform(160, 255)).astype(np.uint8)).save(folder / f"{number}.png")
        table.append({"id": f"{number}.png", "kind": kind, "alike": "x"})
    with open(folder / "attributes.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "kind", "alike"])
        writer.writeheader()
        writer.writerows(table)
    return folder


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "STEPS", (60, 60))
        yield cs.train("vae", shapes, epochs=25, out=tmp_path_factory.mktemp("runs") / "vae", settings=SMALL)


@pytest.fixture(scope="module")
def small(shapes, tmp_path_factory):
    """Three of the pictures, four times smaller."""
    folder = tmp_path_factory.mktemp("small")
    for number in range(3):
        Image.open(shapes / f"{number}.png").reduce(4).save(folder / f"{number}.png")
    return folder


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_pictures_are_restored_into_files_that_say_what_they_are(run, small, tmp_path):
    found = cs.pulse(run, small, out=tmp_path / "out", restarts=2, **FEW)
    assert found.pictures.shape == (3, 2, 3, 16, 16) and found.names == ("0", "1", "2")
    names = {path.name for path in found.files}
    assert names == {*(f"{name}-{k}.png" for name in "012" for k in (1, 2)), "sheet.png", "restored.json"}
    table = json.loads((tmp_path / "out" / "restored.json").read_text())
    assert table["imagined"] == MUST_NOT_IDENTIFY and table["factor"] == 4 and len(table["restored"]) == 6
    for row, shown in zip(table["restored"], found.pictures.flatten(0, 1), strict=True):
        with Image.open(tmp_path / "out" / row["file_name"]) as image:
            assert "imagined" in image.text["clearsight:generated"] and "Generated" in image.text["Comment"]
            pixels = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(pixels, shown.permute(1, 2, 0).numpy())
        given = np.asarray(Image.open(small / f"{row['input']}.png").convert("RGB")) / 255
        again = pixels.reshape(4, 4, 4, 4, 3).mean((1, 3)) / 255
        assert row["squared_error"] == pytest.approx(((again - given) ** 2).mean(), rel=1e-3)
        assert row["matched"] == (row["squared_error"] <= 0.004)
    unmatched = {row["input"] for row in table["restored"]} - {
        row["input"] for row in table["restored"] if row["matched"]
    }
    assert set(found.unmatched) == unmatched
    again = cs.pulse(run, small, restarts=2, **FEW)
    assert torch.equal(again.pictures, found.pictures) and again.files == ()
    other = cs.pulse(run, small, restarts=2, seed=1, **FEW)
    assert not torch.equal(other.pictures, found.pictures)


def test_the_command_says_that_it_is_imagined_and_how_many_were_not_matched(run, small, tmp_path):
    near = command("pulse", run.path, small, "--out", tmp_path / "out", "--restarts", 1, "--steps", 5, "--epsilon", 0.9)
    assert near.exit_code == 0, near.output
    flat = " ".join(near.output.split())
    assert flat.startswith(MUST_NOT_IDENTIFY) and "3 of 3 restorations" in flat and "none came so near" not in flat
    far = command("pulse", run.path, small, "--json", "--restarts", 1, "--steps", 1, "--epsilon", 1e-7,
                  "--finish", "none")  # fmt: skip
    told = json.loads(far.output)
    assert told["unmatched"] == ["0", "1", "2"] and told["inputs"] == 3 and told["files"] == []
    projected = command("pulse", run.path, small, "--json", "--restarts", 1, "--steps", 1, "--finish", "projection",
                        "--epsilon", 1e-4)  # fmt: skip
    rows = json.loads(projected.output)["restored"]
    assert all(row["matched"] and row["how"] == "search, then projection" and row["changed_levels"] > 0 for row in rows)


def test_an_audit_opens_the_report_and_stays_in_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "STEPS", (60, 60))
    found = cs.pulse(run, by=["kind", "alike"], count=30, restarts=2, **FEW)
    assert len(found.names) == 30 and found.card is not None
    metrics = {finding.metric: finding for finding in found.findings}
    consistency = metrics["depixelising: consistency"]
    assert consistency.n == 30 and consistency.interval is not None and consistency.value > 15
    errors = np.array([row["squared_error"] for row in found.rows])
    assert consistency.value == pytest.approx(np.mean(-10 * np.log10(errors)), abs=0.01)
    assert metrics["depixelising: matched"].value == pytest.approx((errors <= 0.004).mean())
    drift, unseen = metrics["restored as another kind"], metrics["restored as another alike"]
    assert unseen.verdict == "insufficient" and drift.n == 30
    said = opening(found.findings)
    page, card = ((run.path / name).read_text() for name in ("report.html", "model-card.md"))
    assert said.startswith(MUST_NOT_IDENTIFY) and drift.imagined in said
    assert page.index(MUST_NOT_IDENTIFY) < page.index("<h1>") and MUST_NOT_IDENTIFY in card
    assert "Restored pictures: imagined, not recovered" in page
    assert " ".join(report.summary(run.read_card()).split()).startswith(said)
    kept = restorations.kept(run)
    assert set(kept) == {"depixelising/consistency", "depixelising/group-kind", "depixelising/group-alike"}
    card = cs.audit(run)  # of everything else, which keeps what is known of restorations
    assert opening(card.findings) == said
    assert [one.path for one in card.examples if one.kind == "restored"] == ["examples/restored.png"]
    fewer = cs.pulse(run, by=["kind"], count=30, restarts=1, out=tmp_path / "audited", **FEW)
    assert len(list((tmp_path / "audited").glob("*-1.png"))) == 30
    metrics = [finding.metric for finding in fewer.card.findings]
    assert metrics.count("depixelising: consistency") == metrics.count("restored as another kind") == 1
    assert "restored as another alike" not in metrics
    assert set(restorations.kept(run)) == {"depixelising/consistency", "depixelising/group-kind"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{run}"], "no pictures to restore"),
        (["{run}", "nowhere"], "no picture"),
        (["{run}", "{small}", "--factor", "2"], "4 times smaller"),
        (["{run}", "{small}", "--class", "disc"], "leave --class out"),
        (["{run}", "{small}", "--finish", "magic"], "none, weights, projection"),
        (["{run}", "{small}", "--out", "{run}"], "is not empty"),
        (["{run}", "--by", "race"], "race"),
        (["{run}", "--by", "kind", "--factor", "3"], "divides both sides: 2, 4, 8"),
        (["{run}", "{small}", "{small}", "--by", "kind"], "2 places"),
        (["{run}", "digits", "--by", "kind"], "held-out pictures of its own data"),
        (["{run}", "--by", "kind", "--count", "1"], "count is 1"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_cannot_be_done_is_one_message(run, small, words, said, capsys, monkeypatch):
    from clearsight import cli

    places = {"run": str(run.path), "small": str(small)}
    monkeypatch.setattr("sys.argv", ["clearsight", "pulse", *(word.format(**places) for word in words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    error = capsys.readouterr().err
    assert ended.value.code == 2 and said in error and "Traceback" not in error


@pytest.mark.parametrize(("model", "said"), [("cnn", "makes no pictures"), ("flow", "no differentiable function")])
def test_runs_without_a_latent_vector_are_refused(tmp_path, model, said, monkeypatch):
    made = Run.create(tmp_path / model, model, "shapes")
    made.change(settings={"model": {}}, task="generation")
    if model == "flow":
        from clearsight.generators.flow import Flow, FlowConfig
        from clearsight.loading import trained

        monkeypatch.setattr(trained, "load", lambda run: Flow(FlowConfig(size=(16, 16), channels=1, widths=(8,)), ()))
    with pytest.raises(ValueError, match=said):
        cs.pulse(made, "nowhere")
