"""Every estimator of the room: it learns, is saved and read back, and its folds and intervals are what they claim."""

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from clearsight import catalogue
from clearsight.estimators import Linear, Polynomial, saving
from clearsight.estimators.coefficients import coefficients
from clearsight.estimators.fitting import Recipe, fit, out_of_fold, predict
from clearsight.estimators.preparing import Layout, stratified_folds

LAYOUT = Layout(names=("size", "colour"), levels=(None, ("red", "green")))


def data(rows=120, seed=0, classes=False):
    random = np.random.default_rng(seed)
    inputs = np.stack([random.normal(5, 2, rows), random.integers(0, 2, rows).astype(float)], axis=1)
    inputs[::17, 0], inputs[5, 1] = np.nan, np.nan
    value = 3 * np.nan_to_num(inputs[:, 0], nan=5.0) + 4 * (inputs[:, 1] == 1) + random.normal(0, 0.5, rows)
    return inputs, (value > 17).astype(np.int64) if classes else value, np.arange(rows)


def recipe(kind, classes=0, **config):
    task = "classification" if classes else "regression"
    return Recipe(kind=kind, config=kind.config_type(**config), layout=LAYOUT, task=task, classes=classes)


EVERY = [(part.name, task) for part in catalogue.parts("estimators") for task in part.load().tasks]


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_it_learns_and_is_the_same_after_saving(name, task):
    kind, classes = catalogue.find("estimators", name).load(), 2 * (task == "classification")
    inputs, truth, clusters = data(classes=bool(classes))
    fitted = fit(recipe(kind, classes), inputs, truth, clusters)
    new, answers, _ = data(seed=1, classes=bool(classes))
    said = predict(fitted.pipeline, new, classes)
    if classes:
        assert np.allclose(said.sum(1), 1) and (said.argmax(1) == answers).mean() > 0.85
    else:
        assert 1 - ((said - answers) ** 2).sum() / ((answers - answers.mean()) ** 2).sum() > 0.9
    again = saving.from_bytes(saving.to_bytes(fitted.pipeline), "model.skops")
    assert (predict(again, new, classes) == said).all()
    strange = np.array([[np.nan, 7.0], [1e3, 0.0]])
    assert np.isfinite(predict(again, strange, classes)).all()


def test_files_that_are_broken_or_foreign_are_refused(tmp_path):
    inputs, truth, clusters = data()
    content = saving.to_bytes(fit(recipe(Linear), inputs, truth, clusters).pipeline)
    for bad in (b"", b"no", content[: len(content) // 2], content[:-40]):
        with pytest.raises(ValueError, match="is damaged"):
            saving.from_bytes(bad, "model.skops")
    with pytest.raises(ValueError, match="no model of a table"):
        saving.from_bytes(skops.io.dumps(LinearRegression()), "model.skops")
    with pytest.raises(ValueError, match="was not opened"):
        saving.from_bytes(skops.io.dumps(Pipeline([("prepare", _Foreign()), ("model", _Foreign())])), "model.skops")


class _Foreign:
    def fit(self, inputs, truth=None):
        return self

    def transform(self, inputs):
        return inputs


def test_folds_keep_clusters_whole_and_classes_in_all():
    clusters = np.repeat(np.arange(30), 3)
    truth = np.repeat(np.arange(30) % 3, 3)
    folds = stratified_folds(truth, clusters, 5, seed=2)
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(90))
    for training, held in folds:
        assert not set(clusters[training]) & set(clusters[held]) and set(truth[held]) == {0, 1, 2}
    rare = np.array([0] * 20 + [1] * 2)
    for training, _ in stratified_folds(rare, np.arange(22), 5):
        assert 1 in rare[training]
    with pytest.raises(ValueError, match="cannot be split into two folds"):
        stratified_folds(np.array([0, 0, 1]), np.arange(3))


def test_a_row_has_no_say_in_its_own_answer():
    inputs, truth, clusters = data(60)
    folds = stratified_folds(truth, clusters, 5)
    before = out_of_fold(recipe(Polynomial, max_degree=2), inputs, truth, clusters, folds)
    held = folds[0][1]
    truth = truth.copy()
    truth[held] += 1000
    after = out_of_fold(recipe(Polynomial, max_degree=2), inputs, truth, clusters, folds)
    assert np.allclose(before[held], after[held]) and not np.allclose(before, after)


def test_the_degree_that_made_the_data_is_found():
    random = np.random.default_rng(3)
    inputs = random.uniform(-2, 2, (150, 1))
    truth = inputs[:, 0] ** 2 + random.normal(0, 0.3, 150)
    layout = Layout(names=("x",), levels=(None,))
    made = Recipe(kind=Polynomial, config=Polynomial.config_type(), layout=layout, task="regression")
    fitted = fit(made, inputs, truth, np.arange(150))
    curve = fitted.curve
    assert fitted.chosen["degree"] >= 2 and curve.validation[0] > 2 * min(curve.validation)
    assert curve.choices == (1, 2, 3, 4) and list(curve.training) == sorted(curve.training, reverse=True)
    with pytest.raises(ValueError, match="products"):
        fit(recipe(Polynomial, degree=9, max_terms=10), *data())


def test_the_intervals_of_coefficients_cover():
    held, layout = [], Layout(names=("a", "b"), levels=(None, None))
    for seed in range(60):
        random = np.random.default_rng(seed)
        inputs = random.normal(0, 1, (80, 2))
        truth = 2 * inputs[:, 0] + random.normal(0, 1, 80)
        made = Recipe(kind=Linear, config=Linear.config_type(), layout=layout, task="regression")
        pipeline = fit(made, inputs, truth, np.arange(80)).pipeline
        found = coefficients(pipeline, layout, (inputs, truth, np.arange(80)), seed=seed)
        real = {"a": 2 * inputs[:, 0].std(), "b": 0.0}
        held += [low <= real[n] <= high for n, low, high in zip(found.names, found.low, found.high, strict=True)]
    assert 0.88 <= np.mean(held) <= 0.995
