"""Clusters that were trained on: the score is too good, said everywhere, with the score on the clusters left out."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from simulated_detectors import simulated

from clearsight.audits import scores, shared_clusters
from clearsight.audits.shared_clusters import needed, warnings_of
from clearsight.metrics.detection import METRICS
from clearsight.metrics.resample import cluster_weights, interval
from clearsight.printing.results import metrics
from clearsight.report.model_card import markdown
from clearsight.report.page import html
from clearsight.report.text import summary
from clearsight.types import Card, Evidence, Request

AP = METRICS[0]


def evidence(clusters, seen, per=6):
    statistics, cluster = simulated(np.random.default_rng(0), clusters, per)
    ids = tuple(str(index) for index in range(statistics.images))
    known = None if seen is None else cluster < seen
    about = {"data": "streets", "split": "val", "clusters": "frames of videos, inferred from file names"}
    return Evidence(task="detection", statistics=statistics, ids=ids, clusters=cluster, seen=known, about=about)


def request(*args, **more):
    return Request(evidence=evidence(*args, **more), replicates=200)


@pytest.mark.parametrize("seen", [None, 0])
def test_nothing_is_said_where_nothing_is_shared(seen):
    asked = request(20, seen)
    assert shared_clusters(asked) == ()
    assert "too good" not in scores(asked)[0].claim + scores(asked)[0].limits


def test_the_score_on_clusters_left_out_is_that_of_an_evaluation_without_the_others():
    asked = request(40, 15)
    (found,) = shared_clusters(asked)
    rows = ~asked.evidence.seen
    large = dataclasses.replace(asked.evidence, seen=None)
    exact = float(AP.compute(large.statistics, rows[None].astype(float))[0])
    assert found.value == exact and found.interval[0] < exact < found.interval[1]
    assert (found.n, found.clusters, found.verdict) == (25 * 6, 25, "none asked")
    assert found.claim.startswith("The scores are too good: 90 of the 240 judged pictures are of 15 clusters")
    assert "150 pictures of 25 clusters left out of training" in found.claim
    assert found.series["label"] == ["all pictures", "clusters trained on", "clusters left out"]
    assert found.series["n"] == [240, 90, 150] and found.series["value"][2] == exact
    assert "inferred from file names" in found.method


@pytest.mark.parametrize(("clusters", "seen", "words"), [
    (8, 8, "No cluster was left out of training"),
    (8, 7, "Only 1 cluster was left out of training"),
    (15, 6, "Only 9 clusters were left out of training"),
])  # fmt: skip
def test_too_few_clusters_left_out_is_no_score_but_how_many_it_takes(clusters, seen, words):
    (found,) = shared_clusters(request(clusters, seen))
    assert found.value is None and found.interval is None and found.verdict == "insufficient"
    assert words in found.claim and "it takes at least 10, and about" in found.claim
    assert found.series["value"][2] is None and found.series["note"][2] == "too few to judge"


def test_one_judged_cluster_tells_nothing_of_others():
    (found,) = shared_clusters(request(1, 1))
    assert found.claim.endswith("too few to judge by: it takes at least 10.")
    assert "all 6 judged pictures are of one cluster" in found.claim


def test_how_many_clusters_it_takes_gives_the_interval_asked_for():
    """With as many clusters as it says, of the same spread, the interval is 5 points to either side."""
    small = evidence(60, 0)
    found = interval(AP, small, cluster_weights(small.clusters, 400, 0))
    count = int(needed(AP, found, None, 0.95).split("about ")[1].split()[0])
    enough = evidence(count, 0)
    reached = interval(AP, enough, cluster_weights(enough.clusters, 400, 1))
    assert (reached.high - reached.low) / 2 == pytest.approx(0.05, rel=0.35)


def test_it_stands_at_the_top_of_page_text_and_model_card():
    asked = request(30, 12)
    findings = (*scores(asked), *shared_clusters(asked))
    warnings = warnings_of(findings)
    assert warnings == (findings[-1].claim,)
    card = Card(title="a model on streets", task="detection", summary="A model.", findings=findings, cost=None,
                facts={"Data": "streets"}, warnings=warnings)  # fmt: skip
    page = html(card, Path())
    assert page.index('<section class="warnings"') < page.index('class="summary"') < page.index('class="headline"')
    assert "too good: see the warning" in page
    text = summary(card, width=400)
    assert text.splitlines()[2] == f"WARNING: {warnings[0]}"
    model_card = markdown(card)
    assert model_card.index("> **Warning:** The scores are too good") < model_card.index("A model.")
    assert "That is too good: 72 of these pictures are of clusters that were trained on." in findings[0].claim
    assert all("too good" in finding.limits for finding in findings[: len(METRICS)])


@pytest.mark.parametrize(("clusters", "marked"), [(5, True), (9, True), (10, False)])
def test_an_interval_from_few_clusters_is_marked_everywhere(clusters, marked):
    findings = scores(request(clusters, None))
    card = Card(title="t", task="detection", summary="s", findings=findings, cost=None)
    words = f"from {clusters} clusters only"
    for text in (html(card, Path()), summary(card, width=300), markdown(card)):
        assert (words in text) == marked
    assert (words in metrics(findings)) == marked


def test_scores_on_the_very_pictures_trained_on_say_so_everywhere():
    made = evidence(20, 20)
    asked = Request(evidence=dataclasses.replace(made, about={**made.about, "split": "train"}), replicates=50)
    (found,) = shared_clusters(asked)
    assert found.claim.startswith("The scores are too good: the model was trained on these very pictures.")
    assert found.claim.endswith("judge it on another split.") and warnings_of([found]) == (found.claim,)
    headline = scores(asked)[0]
    assert headline.claim.endswith("That is too good: the model was trained on these very pictures.")
    assert "trained on these very pictures" in headline.limits
