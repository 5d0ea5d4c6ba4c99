"""The run folder: made once, opened safely, and what is written comes back."""

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from clearsight.files.provenance import fingerprint, provenance
from clearsight.run import Config, Run
from clearsight.types import Card, Cost, Evidence


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run.create(None, "yolo", "voc:some where/blood/")


def test_created(run: Run) -> None:
    assert run.path == Path("runs/yolo-blood-1")
    config = run.config
    assert (config.model, config.data, config.state) == ("yolo", "voc:some where/blood/", "training")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", config.created)
    assert config.provenance == provenance()
    assert Run.open(run.path) == run
    assert Run.open("runs/yolo-blood-1").name == "yolo-blood-1"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("blood", "blood"),
        ("coco:/data/x.json", "x.json"),
        ("../..", "data"),
        ("C:\\data\\eggs", "eggs"),
        ("a b/ü\n", "ü"),
        ("/", "data"),
        ("x" * 300, "x" * 60),
        (".hidden", "hidden"),
    ],
)
def test_names_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert Run.create(None, "../yolo", data).path == Path(f"runs/yolo-{name}-1")


def test_numbers_go_on(run: Run) -> None:
    (run.path.parent / "yolo-blood-9").mkdir()
    (run.path.parent / "yolo-blood-x").mkdir()
    assert Run.create(None, "yolo", "blood").name == "yolo-blood-10"
    assert Run.create(None, "yolo", "other").name == "yolo-other-1"
    assert [each.name for each in Run.all()] == ["yolo-blood-1", "yolo-blood-10", "yolo-other-1"]
    (run.path.parent / "yolo-blood-10").rename(run.path.parent / "yolo-blood-2")
    Run.create(None, "yolo", "blood")
    assert [each.name for each in Run.all()][:3] == ["yolo-blood-1", "yolo-blood-2", "yolo-blood-10"]
    assert Run.all(Path("absent")) == ()


RACE = """
import os, sys
from pathlib import Path
from clearsight.run import Run
start, go = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        os.close(go)
        os.read(start, 1)  # ends for all at once
        names = [Run.create(None, "m", "d").name for _ in range(15)]
        try:
            Run.create(Path("same"), "m", "d")
            names.append("made")
        except ValueError as error:
            names.append("refused")
        os.write(1, (" ".join(names) + "\\n").encode())
        os._exit(0)
os.close(go)
for _ in range(4):
    assert os.wait()[1] == 0
"""


def test_creators_at_once_get_different_folders(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RACE], cwd=tmp_path, capture_output=True, text=True, check=True)
    outputs = [line.split() for line in done.stdout.splitlines()]
    names = [name for output in outputs for name in output[:-1]]
    assert sorted(names) == sorted(f"m-d-{number}" for number in range(1, 61))
    assert sorted(output[-1] for output in outputs) == ["made", "refused", "refused", "refused"]
    for each in Run.all(tmp_path / "runs"):
        assert each.config.model == "m"


def test_a_folder_that_is_taken(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds a run already.*--resume"):
        Run.create(run.path, "yolo", "blood")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("mine")
    with pytest.raises(ValueError, match="full is not empty"):
        Run.create(tmp_path / "full", "yolo", "blood")
    with pytest.raises(ValueError, match=r"thesis\.doc is a file"):
        Run.create(tmp_path / "full" / "thesis.doc", "yolo", "blood")
    with pytest.raises(ValueError, match="cannot make a run folder: Not a directory"):
        Run.create(tmp_path / "full" / "thesis.doc" / "run", "yolo", "blood")
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty", "yolo", "blood").config.model == "yolo"
    assert Run.create(tmp_path / "a" / "b", "yolo", "blood").path == tmp_path / "a" / "b"


def test_what_is_no_run(run: Run) -> None:
    with pytest.raises(ValueError, match="it does not exist. `clearsight train` makes one"):
        Run.open("yolo-blod-1")  # the run is not named: it has nothing to predict with or to go on from
    run.change(state="finished")
    with pytest.raises(ValueError, match="These are runs: runs/yolo-blood-1"):
        Run.open("yellow")
    with pytest.raises(ValueError, match=r"it does not exist\. Did you mean runs/yolo-blood-1\?"):
        Run.open("yolo-blod-1")
    with pytest.raises(ValueError, match=r"it has no run\.json\. These are runs: runs/yolo-blood-1"):
        Run.open("runs")
    with pytest.raises(ValueError, match="is not a folder"):
        Run.open(run.path / "run.json")
    (run.path / "run.json").write_text('{"model"')
    with pytest.raises(ValueError, match="damaged"):
        Run.open(run.path)
    (run.path / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="has no version"):
        Run.open(run.path)


def test_a_newer_run(run: Run) -> None:
    content = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(content | {"version": 2, "shape": "unknown"}))
    with pytest.raises(ValueError, match=r"newer clearsight \(format 2; this one reads up to 1\)"):
        Run.open(run.path)


def test_changes(run: Run) -> None:
    settings = {"size_px": 416, "zoom": (0.75, 1.35), "nested": {"a": None}, "limit": float("inf")}
    changed = run.change(state="interrupted", settings=settings, class_names=("RBC", "ü"), seed=3, backbone="resnet18")
    assert changed == run.config == Run.open(run.path).config
    assert changed.settings == settings
    assert (changed.model, changed.created) == ("yolo", run.config.created)
    with pytest.raises(TypeError, match="stat"):
        run.change(stat="finished")
    with pytest.raises(ValueError, match="as JSON"):
        run.change(settings={"x": object()})
    assert run.config == changed
    run.write_config(Config(model="m", data="d"))
    assert run.config == Config(model="m", data="d")


def test_a_lock_keeps_others_out(run: Run) -> None:
    (run.path / ".checkpoint.safetensors.1-ab.unfinished").write_text("left by the dead")
    with run.lock():
        assert not list(run.path.glob("*.unfinished"))
        with pytest.raises(ValueError, match="is being trained by another process"), Run.open(run.path).lock():
            raise AssertionError
    with Run.open(run.path).lock():
        pass


def test_weights_and_state(run: Run) -> None:
    assert not run.has_weights
    assert not run.has_checkpoint
    with pytest.raises(ValueError, match="no weights yet"):
        run.read_weights()
    with pytest.raises(ValueError, match="no checkpoint"):
        run.read_checkpoint()
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    run.write_weights(model.state_dict())
    run.write_checkpoint({"step": 3, "model": model.state_dict()})
    assert run.has_weights
    assert run.has_checkpoint
    other = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    other.load_state_dict(run.read_weights())
    assert all(map(torch.equal, model.state_dict().values(), other.state_dict().values()))
    assert run.read_checkpoint()["step"] == 3
    run.remove_checkpoint()
    run.remove_checkpoint()
    assert not run.has_checkpoint


def test_log(run: Run) -> None:
    assert run.read_log() == ()
    run.append_log({"epoch": 1, "loss": np.float32(0.5), "score": float("nan")})
    with open(run.path / "log.jsonl", "ab") as file:
        file.write(b'{"epoch": 2, "lo')
    run.append_log({"epoch": 3})
    first, second = run.read_log()
    assert first["loss"] == 0.5
    assert first["score"] != first["score"]
    assert second == {"epoch": 3}


# --- evidence ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Statistics of a made-up task."""

    scores: np.ndarray
    hits: np.ndarray
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...]
    rule: str = "said"
    limit: float = 0.5
    sizes: Mapping[str, np.ndarray] | None = None


def evidence() -> Evidence:
    statistics = Rows(
        scores=np.array([0.1, np.nan, 3.0], dtype=np.float32),
        hits=np.array([[True, False]] * 3),
        class_names=("RBC", "W<b>"),
        thresholds=(0.5, 0.55),
        sizes={"a": np.arange(3)},
    )
    return Evidence(
        task="detection",
        statistics=statistics,
        ids=("b/1.jpg", "ü", "\udc80"),
        clusters=np.array([0, 0, 1]),
        groups={"sex": np.array(["f", "unknown", "f"]), "age": np.array(["old", "", "x"], dtype=object)},
        about={"data": "blood", "split": "test"},
    )


def test_evidence_comes_back(run: Run) -> None:
    first = evidence()
    run.write_evidence("test-0.5_x", first)
    assert run.evidence_names == ("test-0.5_x",)
    back = run.read_evidence("test-0.5_x", Rows)
    assert (back.task, back.ids, back.about) == (first.task, first.ids, first.about)
    for ours, theirs in (
        (back.clusters, first.clusters),
        (back.groups["sex"], first.groups["sex"]),
        (back.groups["age"], first.groups["age"]),
        (back.statistics.scores, first.statistics.scores),
        (back.statistics.hits, first.statistics.hits),
        (back.statistics.sizes["a"], first.statistics.sizes["a"]),
    ):
        np.testing.assert_array_equal(ours, theirs, strict=True)
    for name in ("class_names", "thresholds", "rule", "limit"):
        assert getattr(back.statistics, name) == getattr(first.statistics, name)


def test_evidence_of_another_kind(run: Run) -> None:
    @dataclass(frozen=True)
    class Other:
        scores: np.ndarray

    run.write_evidence("test", evidence())
    with pytest.raises(ValueError, match=r"holds Rows; expected Other\. Evaluate the run again"):
        run.read_evidence("test", Other)
    Other.__name__ = "Rows"
    with pytest.raises(ValueError, match="does not fit this version's Rows"):
        run.read_evidence("test", Other)
    with pytest.raises(ValueError, match=r"no evidence named 'val'; it has: test"):
        run.read_evidence("val", Rows)
    for name in ("../test", "", ".hidden", "a/../b", "/a", "a/b/c", "a\n"):
        with pytest.raises(ValueError, match="cannot name evidence"):
            run.write_evidence(name, evidence())
    run.write_checkpoint({"step": 3})
    (run.path / "checkpoint.safetensors").rename(run.path / "evidence" / "strange.safetensors")
    with pytest.raises(ValueError, match="has no version"):
        run.read_evidence("strange", Rows)


def test_evidence_is_small(run: Run) -> None:
    many = dataclasses.replace(
        evidence(), clusters=np.zeros(5000, int), groups={"g": np.array(["a long name of a group", "other"] * 2500)}
    )
    run.write_evidence("many", many)
    assert (run.path / "evidence" / "many.safetensors").stat().st_size < 70_000


# --- card and files ---------------------------------------------------------------------------------------------------


def test_card(run: Run) -> None:
    with pytest.raises(ValueError, match="no card yet"):
        run.read_card()
    cost = Cost(seconds=1.0, kwh=(1.0, 2.0, float("inf")), how="modelled", device="d", parts={"cpu": (1.0, 2.0, 3.0)})
    card = Card(title="<b>&", task="detection", summary="ü", findings=(), cost=cost, facts={"z": "1", "a": "2"})
    run.write_card(card)
    assert run.read_card() == card
    assert list(run.read_card().facts) == ["z", "a"]
    text = (run.path / "card.json").read_text(encoding="utf-8")
    assert text.splitlines()[1] == '  "title": "<b>&",'
    (run.path / "card.json").write_text(text.replace('"version": 1', '"version": 2'))
    with pytest.raises(ValueError, match="newer clearsight"):
        run.read_card()


def test_other_files_stay_inside(run: Run, tmp_path: Path) -> None:
    assert run.write_file("report.html", "ü").read_bytes() == "ü".encode()
    assert run.write_file("examples/1.png", b"\x89").read_bytes() == b"\x89"
    for name in ("../x", "/etc/x", "examples/../../x"):
        with pytest.raises(ValueError, match="outside the run folder"):
            run.write_file(name, b"")
    (run.path / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="outside the run folder"):
        run.write_file("link/x", b"")


def test_a_run_behind_a_link(run: Run) -> None:
    Path("latest").symlink_to(run.path)
    linked = Run.open("latest")
    linked.append_log({"a": 1})
    assert linked.name == run.name
    assert run.read_log() == ({"a": 1},)


# --- provenance -------------------------------------------------------------------------------------------------------


def test_provenance_names_no_place() -> None:
    import platform

    facts = provenance()
    assert {"python", "platform", "clearsight", "torch", "timm", "code"} <= set(facts)
    text = " ".join(facts.values())
    assert str(Path.home()) not in text
    assert not platform.node() or platform.node() not in text
    assert "/" not in text
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", facts["code"])


def test_fingerprint_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1")
    (tmp_path / "y.csv").write_text("2")
    first = fingerprint(tmp_path)
    (tmp_path / "a" / "x.pyc").write_text("not a source")
    assert fingerprint(tmp_path) == first
    (tmp_path / "y.csv").write_text("3")
    assert fingerprint(tmp_path) != first
    (tmp_path / "y.csv").write_text("2")
    assert fingerprint(tmp_path) == first
    (tmp_path / "y.csv").rename(tmp_path / "z.csv")
    assert fingerprint(tmp_path) != first
