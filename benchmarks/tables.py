"""Tables by 5-fold cross-validation, everything chosen within the folds: one JSON line per table and model.

python benchmarks/tables.py --fish fish.csv

The score is the mean over several deals of the folds; the interval is the one of the first deal, over rows.
"""

import argparse
import json
import time

import numpy as np

from clearsight.estimators import Logistic, Polynomial
from clearsight.estimators.fitting import Recipe, out_of_fold
from clearsight.estimators.preparing import Layout, stratified_folds
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.resample import cluster_weights, interval
from clearsight.sources.tables.table import read_table
from clearsight.types import Evidence


def main() -> None:
    """Judge each table and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fish", help="the fish market table, as CSV with a column Weight")
    parser.add_argument("--deals", type=int, default=5, help="how often the folds are dealt")
    asked = parser.parse_args()
    tables = [("sklearn:iris", None, Logistic), ("sklearn:breast_cancer", None, Logistic)]
    if asked.fish:
        tables.insert(0, (asked.fish, "Weight", Polynomial))
    for data, target, kind in tables:
        table = read_table(data, target, wanted=kind.tasks[0])
        layout = Layout(
            names=tuple(column.name for column in table.columns),
            levels=tuple(column.levels or None for column in table.columns),
        )
        classes = len(table.class_names)
        recipe = Recipe(kind=kind, config=kind.config_type(), layout=layout, task=table.task, classes=classes)
        began, found = time.perf_counter(), []
        for seed in range(asked.deals):
            folds = stratified_folds(table.truth, table.clusters, 5, seed)
            answers = out_of_fold(recipe, table.inputs, table.truth, table.clusters, folds)
            if classes:
                statistics = ClassificationStatistics(
                    class_names=table.class_names, truth=table.truth, probabilities=answers
                )
            else:
                statistics = RegressionStatistics(truth=table.truth, estimate=answers, target=table.target)
            evidence = Evidence(task=table.task, statistics=statistics, ids=table.ids, clusters=table.clusters)
            metric = statistics.metrics()[0]
            found.append(interval(metric, evidence, cluster_weights(table.clusters)))
        scores = [round(one.value, 4) for one in found]
        row = {
            "table": table.name, "model": kind.__name__.lower(), "rows": len(table), "metric": metric.name,
            "mean": round(float(np.mean(scores)), 4), "each deal": scores,
            "interval of the first": [round(end, 4) for end in found[0].interval or ()],
            "seconds a deal": round((time.perf_counter() - began) / asked.deals, 1),
        }  # fmt: skip
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
