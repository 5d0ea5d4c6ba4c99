"""Experiment trackers: other places that the lines of a run's log go to, by choice; none unless it is named."""

from .mlflow import MLflow as MLflow
from .tensorboard import TensorBoard as TensorBoard
from .tracker import Tracker as Tracker
from .tracker import numbers_of as numbers_of
from .writing import NAMES as NAMES
from .writing import Line as Line
from .writing import check as check
from .writing import opened as opened
