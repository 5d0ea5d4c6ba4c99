"""MLflow: a run of the experiment ``clearsight``, on the server the environment names, else in ``mlflow.db``."""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearsight.run import Run, State
from clearsight.training.trackers.tracker import first_line

EXPERIMENT = "clearsight"
LOCAL = "sqlite:///"
_STATES = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
# A server that does not answer is given up after seconds, not after the minutes that MLflow would try.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


class MLflow:
    """Parameters and metrics of an MLflow run, by its client; a resumed run goes on in the same one.

    The environment chooses the place as MLflow documents it: MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME. Without
    the first it is the file ``mlflow.db`` of the folder where the training was begun, which ``mlflow ui`` shows there.
    MLflow's telemetry is switched off.

    Raises ValueError where the server does not answer, or does not know the run that is to be gone on with.
    """

    def __init__(self, run: Run, step: int) -> None:
        client_type = _without_telemetry()
        kept = dict(run.config.settings.get("mlflow", {}))
        place = os.environ.get("MLFLOW_TRACKING_URI") or kept.get("file") or f"{LOCAL}{Path.cwd() / 'mlflow.db'}"
        try:
            self._client = client_type(tracking_uri=place)
            self._id = kept.get("run") or self._begun(run)
            self._client.update_run(self._id, status="RUNNING")
        except Exception as error:  # MLflow raises its own, those of requests, and those of its stores
            raise ValueError(
                f"MLflow at {place} does not take the run: {first_line(error)}. Start the server, set "
                "MLFLOW_TRACKING_URI to one that answers, or leave --log-to out."
            ) from error
        local = {"file": place} if place.startswith(LOCAL) else {}  # a server's address may hold a password
        run.change(settings={**run.config.settings, "mlflow": {"run": self._id, **local}})

    def _begun(self, run: Run) -> str:
        """A new MLflow run with the settings as its parameters."""
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self._client.get_experiment_by_name(name)
        experiment = self._client.create_experiment(name) if found is None else found.experiment_id
        begun = self._client.create_run(experiment, run_name=run.name, tags={"clearsight.run": str(run.path.resolve())})
        config = run.config
        first = {"model": config.model, "data": config.data_name, "backbone": config.backbone, "seed": config.seed}
        settings = {f"{part}.{key}": value for part in ("model", "training", "budget")
                    for key, value in config.settings[part].items()}  # fmt: skip
        for key, value in {**first, **settings}.items():
            self._client.log_param(begun.info.run_id, key, str(value)[:500])
        return str(begun.info.run_id)

    def write(self, numbers: Mapping[str, float], texts: Mapping[str, str], step: int) -> None:
        """One line of the log."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self._client.log_batch(self._id, metrics=[Metric(name, value, now, step) for name, value in numbers.items()])
        for name, text in texts.items():
            self._client.set_tag(self._id, name, f"step {step}: {text}"[:5000])

    def close(self, state: State) -> None:
        """Say how the training ended."""
        self._client.set_terminated(self._id, _STATES.get(state, "FINISHED"))


def _without_telemetry() -> Any:
    """MLflow's client class, MLflow imported with its telemetry off, or that of an earlier import ended."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow.telemetry import get_telemetry_client, set_telemetry_client
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    if get_telemetry_client() is not None:
        set_telemetry_client()  # it looks at the environment again, and leaves none behind
    return MlflowClient
