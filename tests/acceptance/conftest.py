"""Two classifiers on the same pictures as finished runs, without a training."""

import numpy as np
import pytest

from clearsight.audits import groups, scores
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.run import Run
from clearsight.types import Card, Cost, Evidence, Request


def evidence_of(right, groups, clusters=None):
    """The evidence of a classifier of two classes that is right where ``right`` says so."""
    truth = np.arange(len(right)) % 2
    sure = np.where(right, truth, 1 - truth)
    return Evidence(
        task="classification",
        statistics=ClassificationStatistics(
            class_names=("cat", "dog"), truth=truth, probabilities=np.where(sure[:, None] == np.arange(2), 0.9, 0.1)
        ),
        ids=tuple(f"picture {number}" for number in range(len(right))),
        clusters=np.arange(len(right)) if clusters is None else clusters,
        groups=groups,
        about={"data": "pets", "split": "test", "fingerprint": "sha256:abc", "clusters": "none"},
    )


def share(right, total):
    """So many right of so many, spread evenly."""
    return np.arange(total) * right // total != (np.arange(total) + 1) * right // total


def run_of(path, right, groups_of):
    """A finished run with this evidence, a card of its scores and groups, and what it cost."""
    run = Run.create(path, "cnn", "pets/")
    run.change(state="finished", task="classification", data_name="pets", class_names=("cat", "dog"), fingerprint="x")
    evidence = evidence_of(right, groups_of)
    request = Request(evidence=evidence, by=tuple(groups_of), replicates=200)
    run.write_evidence("test", evidence)
    run.write_card(
        Card(
            title="cnn on pets", task="classification", summary="", findings=(*scores(request), *groups(request)),
            cost=Cost(seconds=60, kwh=(0.1, 0.2, 0.4), how="modelled", device="a processor"),
        )
    )  # fmt: skip
    run.write_file("weights.safetensors", b"weights")
    return run


@pytest.fixture
def evidence_with():
    """The maker of evidence, for tests that need their own."""
    return evidence_of


@pytest.fixture(scope="session")
def sexes():
    return {"sex": np.repeat(["female", "male", "unknown"], [400, 1000, 100])}


@pytest.fixture(scope="session")
def run(tmp_path_factory, sexes):
    """Right on 90% of the pictures: 80% of 400 female ones, and 94% of 1,000 male ones."""
    right = np.concatenate([share(320, 400), share(940, 1000), share(90, 100)])
    return run_of(tmp_path_factory.mktemp("runs") / "new", right, sexes)


@pytest.fixture(scope="session")
def earlier(tmp_path_factory, sexes):
    """The earlier run, signed, right on 6 points more of the female pictures; and its signer's public key."""
    import clearsight as cs

    pytest.importorskip("cryptography")
    right = np.concatenate([share(320, 400), share(940, 1000), share(90, 100)])
    right[np.flatnonzero(~right[:400])[:24]] = True
    folder = tmp_path_factory.mktemp("earlier")
    old = run_of(folder / "old", right, sexes)
    return old, cs.sign(old, new_key=folder / "key.pem").new_key[1]
