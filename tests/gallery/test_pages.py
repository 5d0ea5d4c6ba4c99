"""The pages over HTTP: what a person sees, decides and writes, and what is refused, on a detector and a classifier."""

import io
import json
import re
import shutil
from html import unescape

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import clearsight as cs
from clearsight import sources
from clearsight.browsing.opening import opened
from clearsight.browsing.site import STATIC, Site
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.run import Run
from clearsight.sources import records_of
from clearsight.types import Boxes, Evidence, Label
from clearsight.web.app import create_app

BROWSER = {"accept": "text/html"}


def client(browsed):
    app = create_app(Site(browsed=browsed).router(), title="browse", static=[STATIC])
    return TestClient(app, base_url="http://127.0.0.1:8000", headers=BROWSER, follow_redirects=False)


def pictures_in(page):
    return [int(row) for row in re.findall(r'src="/thumbnails/(\d+)\.jpg', page)]


@pytest.fixture(scope="module")
def detector(tiny_run, tmp_path_factory):
    """A copy of the run, whose folder may be written into, opened."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    shutil.copytree(tiny_run.path, folder)
    return folder


@pytest.fixture
def classified(stripes, tmp_path):
    """A run with an evaluation made by hand, of a copy of the stripes in which two pictures lie in the wrong folder."""
    data = tmp_path / "stripes"
    shutil.copytree(stripes, data)
    (data / "across" / "0.png").rename(data / "upright" / "first.png")
    (data / "across" / "1.png").rename(data / "upright" / "second.png")
    return run_of(tmp_path / "run", data), data


def run_of(folder, data, sure=0.9):
    """A run without weights, and its evaluation of all pictures of the folder."""
    run = Run.create(folder, "cnn", str(data))
    source = sources.read(data, held_out=0.0)
    records = records_of(source.split("train"))
    settings = {"training": {"size_px": 12, "held_out": 0.0}, "model": {}, "attributes": None, "skip_bad": False}
    run.change(task="classification", class_names=source.class_names, state="finished", settings=settings)
    truth = np.array([record.truth.index for record in records])
    real = np.array([0 if record.id.endswith(("first", "second")) else record.truth.index for record in records])
    run.write_evidence(
        "stripes-train",
        Evidence(
            task="classification",
            statistics=ClassificationStatistics(
                class_names=source.class_names, truth=truth, probabilities=np.eye(2)[real] * sure + (1 - sure) / 2
            ),
            ids=tuple(record.id for record in records),
            clusters=np.arange(len(records)),
            about={
                "data": "stripes",
                "split": "train",
                "fingerprint": source.split("train").fingerprint,
                "run": run.name,
            },
        ),
    )
    return run


def test_the_misses_of_a_group_and_one_of_its_pictures(detector):
    browsed = opened([detector])
    site = client(browsed)
    page = site.get("/").text
    assert "70 pictures of the split val" in page and len(pictures_in(page)) == 60
    second = site.get("/?page=2").text
    assert sorted(pictures_in(page) + pictures_in(second)) == list(range(70))
    groups, answers = browsed.evidence.groups["light"], browsed.gallery.judged[0].answers
    night = site.get("/?group=light:night&cause=any error")
    wanted = set(answers.row[answers.wrong].tolist()) & set(np.flatnonzero(groups == "night").tolist())
    assert set(pictures_in(night.text)) == wanted and "light: night" in night.text
    row = pictures_in(page)[0]
    one = site.get(f"/pictures/{row}?group=light:{groups[row]}")
    assert one.status_code == 200 and browsed.gallery.ids[row] in one.text and 'rel="next"' in one.text
    thumbnail = site.get(f"/thumbnails/{row}.jpg")
    assert thumbnail.headers["content-type"] == "image/jpeg" and "max-age" in thumbnail.headers["cache-control"]
    assert Image.open(io.BytesIO(thumbnail.content)).size == (64, 64), "never enlarged"
    assert Image.open(io.BytesIO(site.get(f"/drawn/{row}/0.jpg").content)).width >= 600
    assert "default-src 'self'" in one.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=", page + one.text), "nothing inline"


def test_points_of_the_report_lead_to_pages_that_are_there(detector):
    site = client(opened([detector]))
    page = site.get("/report")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    places = sorted({unescape(place) for place in re.findall(r'href="(/\?[^"]*)"', page.text)})
    assert any("group=light" in place for place in places) and any("cause=" in place for place in places)
    assert any("class=brick" in place for place in places)
    for place in places:
        assert site.get(place).status_code == 200, place
    assert 'href="/?' not in (detector / "report.html").read_text(), "the file itself leads nowhere"


def test_boxes_are_corrected_and_the_data_written(detector, rectangles, tmp_path):
    out = tmp_path / "corrected"
    browsed = opened([detector], corrections=tmp_path / "decisions.jsonl", out=out)
    site = client(browsed)
    found = [(row, doubt) for row in range(70) for doubt in browsed.doubts(row)]
    assert {row for row, _ in found} <= set(np.flatnonzero(np.isfinite(browsed.gallery.doubt)).tolist())
    kinds = {}
    for row, doubt in found:
        if not any(row == other for other, _ in kinds.values()):
            kinds.setdefault(doubt.kind, (row, doubt))
    assert kinds, "a network of a few seconds has doubts"
    for row, doubt in kinds.values():
        answer = site.post(
            f"/pictures/{row}/decision", data={"key": doubt.key, "what": "accepted", "query": "doubt=open"}
        )
        assert answer.status_code == 303
    assert len((tmp_path / "decisions.jsonl").read_text().splitlines()) == len(kinds)
    assert site.post("/corrections").headers["location"] == "/corrections"
    assert "read back and holds exactly these corrections" in site.get("/corrections").text
    old, new = (
        {record.id: record.boxes() for dataset in sources.read(place, wanted=(Boxes,)).splits.values()
         for record in records_of(dataset)} for place in (rectangles, out)
    )  # fmt: skip
    changed = {id for id in old if len(old[id]) != len(new[id]) or not bool((old[id].xyxy == new[id].xyxy).all())
               or not bool((old[id].labels == new[id].labels).all())}  # fmt: skip
    assert changed == {browsed.gallery.ids[row] for row, _ in kinds.values()}
    again = site.post("/corrections")
    assert again.status_code == 409 and "is there already" in again.text


def test_classes_are_accepted_rejected_left_out_and_undone(classified, tmp_path):
    run, data = classified
    browsed = opened([run])
    site = client(browsed)
    first, second = pictures_in(site.get("/?doubt=open").text)
    assert {browsed.gallery.ids[row] for row in (first, second)} == {"upright/first", "upright/second"}
    page = site.get(f"/pictures/{first}?doubt=open").text
    assert "Labelled upright, predicted across 0.95" in page and "It is across" in page
    key = unescape(re.search(r'name="key" value="([^"]*)"', page)[1])
    sent = {"key": key, "what": "accepted", "query": "doubt=open"}
    answer = site.post(f"/pictures/{first}/decision", data=sent)
    assert answer.headers["location"] == f"/pictures/{second}?doubt=open", "to the next that is open"
    assert pictures_in(site.get("/?doubt=open").text) == [second]
    assert pictures_in(site.get("/?doubt=decided").text) == [first]
    assert site.post("/undo", data={"query": ""}).headers["location"] == f"/pictures/{first}"
    assert len(pictures_in(site.get("/?doubt=open").text)) == 2
    site.post(f"/pictures/{first}/decision", data=sent)
    other = browsed.doubts(second)[0].key
    last = site.post(f"/pictures/{second}/decision", data={"key": other, "what": "dropped", "query": "doubt=open"})
    assert last.headers["location"] == "/?doubt=open" and "No picture fits" in site.get("/?doubt=open").text
    lines = (run.path / "corrections" / "stripes-train.jsonl").read_text().splitlines()
    assert [json.loads(line)["what"] for line in lines] == [
        "accepted", "open", "accepted", "dropped",
    ]  # fmt: skip
    assert opened([run]).gallery.decided == {first, second}, "kept for the next time"
    site.post("/corrections")
    new = sources.read(tmp_path / "stripes-corrected", held_out=0.0, wanted=(Label,))
    ids = {browsed.gallery.ids[first]: "across", browsed.gallery.ids[second]: None}
    there = {record.id: new.class_names[record.truth.index] for record in records_of(new.split("train"))}
    assert len(there) == 159 and sum(name == "across" for name in there.values()) == 79
    for id, name in ids.items():
        assert there.get(id.replace("upright", "across")) == name and id not in there
    assert len(list(data.rglob("*.png"))) == 160


def test_two_runs_side_by_side(classified, tmp_path):
    run, data = classified
    other = run_of(tmp_path / "other", data, sure=0.4)
    browsed = opened([run, other])
    site = client(browsed)
    page = site.get("/").text
    assert "fixed (0)" in page and "both wrong (2)" in page and "run → other" in page
    assert site.get("/pictures/3").text.count('<figcaption class="whose">') == 2
    assert len(pictures_in(site.get("/?change=both wrong").text)) == 2
    assert site.get("/?sort=difference").status_code == 200


def test_what_is_asked_wrongly_is_one_clear_page(classified):
    run, data = classified
    browsed = opened([run])
    site = client(browsed)
    for place, status, said in [
        ("/?class=acros", 404, "Did you mean across"),
        ("/?page=-1", 400, "Expected a whole number from 1"),
        ("/?nonsense=1", 400, "the address asks for"),
        ("/pictures/160", 404, "There is no picture number 160"),
        ("/pictures/x", 422, "does not fit"),
        ("/thumbnails/999.jpg", 404, "There is no picture number"),
        ("/drawn/0/7.jpg", 404, "There is no run number 7"),
        ("/report", 404, "has no card yet"),
    ]:
        answer = site.get(place)
        assert answer.status_code == status and said in unescape(answer.text), place
    row = pictures_in(site.get("/?doubt=open").text)[0]
    assert site.post(f"/pictures/{row}/decision", data={"key": "other", "what": "accepted"}).status_code == 409
    assert site.post(f"/pictures/{row}/decision", data={"key": "k", "what": "burn"}).status_code == 400
    assert site.post("/corrections", headers={"origin": "http://evil.example"}).status_code == 403
    nothing = site.post("/corrections")
    assert nothing.status_code == 409 and "no correction to write" in nothing.text
    lost = next(k for k, id in enumerate(browsed.gallery.ids) if id == "across/7")
    (data / "across" / "7.png").unlink()
    for place in (f"/thumbnails/{lost}.jpg", f"/pictures/{lost}"):
        assert site.get(place).status_code == 404 and "7.png" in site.get(place).text, "a file that went meanwhile"


def test_what_cannot_be_opened_says_why(classified, tmp_path, detector):
    run, data = classified
    with pytest.raises(ValueError, match="there is no run in"):
        opened([tmp_path])
    with pytest.raises(ValueError, match="3 runs were named"):
        opened([run, run, run])
    with pytest.raises(ValueError, match="it has: stripes-train"):
        opened([run], evaluation="other")
    with pytest.raises(ValueError, match="do different tasks"):
        opened([run, detector])
    moved = tmp_path / "moved"
    data.rename(moved)
    with pytest.raises(
        ValueError, match=r"(?s)were not found: there is nothing at .*Say where they are now with --data"
    ):
        opened([run])
    assert opened([run], data=moved).gallery.images == 160
    (moved / "across" / "7.png").unlink()
    with pytest.raises(ValueError, match="no longer has the pictures"):
        opened([run], data=moved)
    shutil.rmtree(run.path / "evidence")
    with pytest.raises(ValueError, match="has no evaluation yet. Make one: clearsight evaluate"):
        opened([run])
    with pytest.raises(ValueError, match="has no evaluation yet"):
        cs.browse([run.path], port=0)
