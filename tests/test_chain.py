"""From a folder of pictures to a report, once, by the commands a person types."""

import html
import json
import re
import sys

import pytest

from clearsight import cli
from clearsight.metrics.detection import DetectionStatistics
from clearsight.run import Run

SMALL = "--set size_px=64 --set width=16 --set backbone=regnetx_002 --set batch_size=8"


@pytest.fixture(scope="module")
def chain(tmp_path_factory, write_voc):
    """A folder with pictures and one run trained on it by the command."""
    place = tmp_path_factory.mktemp("chain")
    write_voc(place / "walls", train=24, val=64, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        command(f"train yolo walls --epochs 12 {SMALL} --by light --zone FRA --quiet --seed 1")
        yield place


def command(words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["clearsight", *words.split()])
        try:
            cli.main()
        except SystemExit as stop:
            assert not stop.code, words


def test_training_leaves_everything_in_the_run_folder(chain):
    run = Run.open("runs/yolo-walls-1")
    names = {path.name for path in run.path.iterdir()} - {".lock"}
    assert names >= {"run.json", "weights.safetensors", "log.jsonl", "evidence", "card.json", "examples"}
    assert names >= {"report.html", "model-card.md"}
    assert not any("checkpoint" in name or "unfinished" in name for name in names)
    config = run.config
    assert (config.state, config.data, config.data_name, config.seed) == ("finished", "walls", "walls", 1)
    assert config.class_names == ("brick", "leaf") and len(config.fingerprint) == 32
    assert all(run.read_weights()[name].isfinite().all() for name in run.read_weights())
    assert run.read_log()[-1]["saved"] == 36


def test_the_card_answers_whom_it_fails(chain):
    card = Run.open("runs/yolo-walls-1").read_card()
    groups = [finding for finding in card.findings if finding.question == "whom it fails"]
    shown = [finding for finding in groups if finding.group == "light" and finding.plot == "intervals"]
    assert shown and all({"day", "night"} <= set(finding.series["label"]) for finding in shown)
    compared = [finding.group for finding in groups if finding.metric.startswith("gap in")]
    assert compared and set(compared) <= {"light = day", "light = night"}
    assert all(finding.verdict != "none asked" for finding in groups if finding.metric.startswith("gap in"))
    assert {finding.question for finding in card.findings} >= {
        "what it does", "whom it fails", "when to trust it", "what it cost"
    }  # fmt: skip
    assert card.cost.zone == "FRA" and card.cost.kwh[0] <= card.cost.kwh[1] <= card.cost.kwh[2]


def test_the_clusters_of_the_table_reach_the_evidence(chain):
    evidence = Run.open("runs/yolo-walls-1").read_evidence("val", DetectionStatistics)
    assert len(evidence.ids) == 64 and len(set(evidence.clusters.tolist())) == 12
    first = [int(id[5:]) for id in evidence.ids]
    assert all(
        (a % 12 == b % 12) == (x == y)
        for a, x in zip(first, evidence.clusters, strict=True)
        for b, y in zip(first, evidence.clusters, strict=True)
    )
    assert evidence.groups["light"].tolist() == [("day", "night")[number % 2] for number in first]


def test_the_report_holds_every_claim_of_the_card_and_needs_nothing_else(chain):
    page = (chain / "runs/yolo-walls-1/report.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
    findings = Run.open("runs/yolo-walls-1").read_card().findings
    told = [finding for finding in findings if finding.claim.split(".")[0][:50] in text]
    assert len(told) == len(findings) > 8, [f.claim for f in findings if f not in told]
    assert "walls" in text and page.count("data:image/jpeg;base64,") >= 4
    assert not re.search(r'(src|href)="https?://', page)


def test_the_verbs_follow_one_another(chain, capsys):
    command(f"train yolo walls --epochs 2 {SMALL} --quiet")
    assert Run.open("runs/yolo-walls-2").config.state == "finished"
    command("evaluate runs/yolo-walls-1 walls --quiet")
    command("predict runs/yolo-walls-1 walls/JPEGImages --out found --quiet --no-overlays")
    capsys.readouterr()
    assert all(
        row["file_name"].startswith("walls/") for row in json.loads((chain / "found/predictions.json").read_text())
    )
    command("audit runs/yolo-walls-1 --by light --zone DEU --quiet")
    assert Run.open("runs/yolo-walls-1").read_card().cost.zone == "DEU"
    capsys.readouterr()
    command("compare runs/yolo-walls-1 runs/yolo-walls-2 --no-speed --json")
    found = json.loads(capsys.readouterr().out)
    assert found["runs"][0]["name"] == "yolo-walls-1" and found["differences"][0]["n"] == 64
    assert found["differences"][0]["interval"][0] < found["differences"][0]["interval"][1]
    command("runs")
    assert capsys.readouterr().out.count("finished") == 2
