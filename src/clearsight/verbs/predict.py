"""Find what a trained model sees in pictures and videos: files, folders, patterns, cameras in; files of finds out."""

import contextlib
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from clearsight.console.progress import stage
from clearsight.console.signals import signals
from clearsight.decisions.policy import Policy
from clearsight.inference.familiarity import Likeness
from clearsight.inference.windows import OVERLAP
from clearsight.loading import guarantees, trained
from clearsight.loading import never as never_confused
from clearsight.metrics.platt import Lines
from clearsight.prediction import plain_rows, writing
from clearsight.prediction.conversion import to_supervision
from clearsight.prediction.decision_log import DecisionLog
from clearsight.prediction.filtering import Filter, refuse_policy
from clearsight.prediction.inputs import View, Views, found_files, found_sources, moves, readable
from clearsight.prediction.output import Answer, Output, rows_of
from clearsight.prediction.restoring import Restoring
from clearsight.prediction.tallies import Tally
from clearsight.prediction.videos import Camera, Limits
from clearsight.prediction.writing import Seen
from clearsight.robustness.likenesses import Likenesses, likenesses_of
from clearsight.run import Run
from clearsight.sources.problems import DataError
from clearsight.tabular.prediction import PredictedRows, predict_table
from clearsight.types import Decision, Detections, Prediction

__all__ = ["Predicted", "found_files", "predict", "results"]


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What was found: one prediction per picture or frame, in order; ``folder`` holds the files written, if any.

    ``files`` are those of the predictions, ``seen`` what each was (see ``writing.Seen``); ``thresholds`` are those of
    several labels. ``count`` pictures were looked at, which are more than the predictions where these were not kept,
    and ``tally`` says in lines of two words what was found in all of them. ``likenesses`` tell of each whether it is
    unlike the training pictures; None where the run keeps nothing to tell it by (see ``stress``). ``decisions`` are
    those of the policy, which ``promise`` states; empty without one.
    """

    files: tuple[Path, ...]
    predictions: tuple[Prediction, ...]
    class_names: tuple[str, ...]
    folder: Path | None
    skipped: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()
    thresholds: tuple[float, ...] = ()
    count: int = 0
    tally: tuple[tuple[str, str], ...] = ()
    likenesses: tuple[Likeness | None, ...] = ()
    decisions: tuple[Decision, ...] = ()
    promise: str = ""
    calibration: Lines | None = None

    def to_supervision(self) -> list[Any]:
        """One ``supervision.Detections`` per picture; raises ValueError where the model finds no objects."""
        found = [one for one in self.predictions if isinstance(one, Detections)]
        if len(found) < len(self.predictions):
            raise ValueError("these predictions are no objects. Expected those of a detector.")
        return [to_supervision(one, self.class_names) for one in found]


def predict(
    run: Run | str | Path,
    pictures: Sequence[str | Path] | str | Path,
    *,
    out: str | Path | None = None,
    min_score: float | None = None,
    classes: Sequence[str] = (),
    window: int | None = None,
    overlap: float = OVERLAP,
    formats: Sequence[str] = ("json", "csv"),
    overlays: bool = True,
    crops: bool = False,
    never: Sequence[str | Path] = (),
    policy: bool = False,
    risk: float | None = None,
    every: int = 1,
    frames: int | None = None,
    seconds: float | None = None,
    log: str | Path | None = None,
    keep: bool = True,
    skip_bad: bool = False,
    batch: int = 4,
    quiet: bool = True,
) -> Predicted | PredictedRows:
    """Predict on pictures and videos, in each picture's own pixels; or on the rows of tables, if the run learnt so.

    Args:
        pictures: files, folders (all pictures and videos below them), patterns such as ``"photos/*.jpg"``, or one
            camera, ``"camera:0"``, which is watched until Ctrl-C, ``frames`` or ``seconds``.
        out: a new folder for what was found, masks and restored pictures as PNG; nothing is written where None.
        min_score: the score from which a detection counts; the threshold settled in training where None.
        classes: names of the classes whose objects are kept; all where empty.
        window: see each window of so many px of a larger picture as a picture of its own, and merge what was found;
            ``overlap`` is the share of a window's side that its neighbour sees too: more than the largest objects.
        formats: "json", "csv" rows; "coco" (images, annotations, categories), "yolo" (a text file per picture);
            ``overlays`` draws what was found, a video as a video, and ``crops`` saves every object cut out.
        never: confusions as "truth>prediction", or files of them: the answer is withheld where it may be one. Those the
            run keeps hold too; ``("none",)`` lifts them.
        policy: say of each picture, or row of a table, whether the run may decide on it alone, or it is for a person,
            and why; ``risk`` is the error allowed on those it decides: 0.01, 0.02, 0.05 (the usual), 0.1 or 0.2.
        every: look at each so-manieth frame of a video; ``frames`` and ``seconds`` end it early.
        log: append a line for each picture to this file: what was answered, when, by which weights (see ``verify``).
        keep: keep the predictions in memory; without, a long video takes no more of it than a short one.
        skip_bad: leave out files that cannot be read, keep what a broken video gave, and say so, instead of stopping.

    Raises:
        ValueError: no or unreadable pictures (all named), no such camera or class, no weights, a folder that exists.
    """
    run = trained.opened(run)
    if run.config.settings.get("table"):
        return _of_table(run, pictures, out, never, _policy(run, policy, risk), log, skip_bad)
    refuse_policy(run, policy, {"--min-score": min_score is not None, "--classes": classes, "--window": window})
    filter = Filter.of(run, min_score, classes, never, _policy(run, policy, risk))
    formats = writing.formats_of(formats, filter.objects)
    _refuse_crops(run, crops and not filter.objects)
    sources = found_sources([pictures] if isinstance(pictures, str | Path) else list(pictures))
    limits = Limits(every=every, frames=frames, seconds=seconds)
    limits.check(moving=any(map(moves, sources)))
    kept_log = None if log is None else DecisionLog(Path(log), run)
    folder, watched = None if out is None else writing.new_folder(out), any(isinstance(one, Camera) for one in sources)
    with _large_pictures(), contextlib.ExitStack() as stack:
        good, skipped = readable(sources, skip_bad)
        views = _views(stack, good, limits, skip_bad, watched)
        predictor = trained.predictor(
            run, batch=1 if watched else batch, window=window, overlap=overlap, least_score=filter.least_score
        )
        tally, kept = Tally(filter.class_names, filter.thresholds), list[Any]()
        drawn = {"overlays": overlays, "crops": crops, "frames": any(map(moves, good))}
        partial = stack.enter_context(writing.appearing(folder))
        output = stack.enter_context(Output(partial, filter, formats, kept_log, **drawn))
        likenesses = stack.enter_context(likenesses_of(predictor, run, windows=window is not None))
        watch = stack.enter_context(stage("predicting", quiet))
        for view, answer in _looked_at(predictor, views, filter, likenesses):
            output.add(view, answer)
            tally.add(answer.prediction, answer.decision, view.seen.note)
            kept += [(view.seen, answer)] if keep else []
            watch(tally.pictures, views.total)
            del view, answer  # a large picture must go before the next is decoded
        _refuse_nothing(tally, views)
    return _predicted(kept, filter, folder, tally, likenesses, (*skipped, *views.cut_short))


def _predicted(
    kept: Sequence[tuple[Seen, Answer]], filter: Filter, folder: Path | None, tally: Tally, likenesses: Likenesses,
    skipped: tuple[str, ...],
) -> Predicted:  # fmt: skip
    seen, answers = tuple(one for one, _ in kept), [answer for _, answer in kept]
    return Predicted(
        files=tuple(Path(one.file_name) for one in seen), predictions=tuple(one.prediction for one in answers),
        folder=folder, seen=seen, class_names=filter.class_names, thresholds=filter.thresholds, skipped=skipped,
        count=tally.pictures, tally=(*tally.lines(), *likenesses.lines(tally.pictures)),
        likenesses=tuple(one.like for one in answers),
        decisions=tuple(one.decision for one in answers if one.decision is not None),
        promise=filter.policy.said if filter.policy else "",
        calibration=filter.calibration,
    )  # fmt: skip


def _of_table(
    run: Run, rows: Any, out: str | Path | None, never: Sequence[str | Path], policy: Policy | None,
    log: str | Path | None, skip_bad: bool,
) -> PredictedRows:  # fmt: skip
    if log is not None:
        raise ValueError(f"--log keeps decisions on pictures, and {run.path} reads the rows of tables. Leave it out.")
    return predict_table(never_confused.refused(run, never), rows, out, policy=policy, skip_bad=skip_bad)


def _views(
    stack: contextlib.ExitStack, sources: Mapping[Any, tuple[int, int]], limits: Limits, skip_bad: bool, watched: bool
) -> Views:
    """What is to be looked at; until somebody stops it where a camera is ``watched``."""
    stop = stack.enter_context(signals()).asked if watched else lambda: False
    return Views(sources, limits, skip_bad=skip_bad, stop=stop)


def _policy(run: Run, asked: bool, risk: float | None) -> Policy | None:
    if risk is not None and not asked:
        raise ValueError("--risk is the error allowed by a policy. Give --policy too, or leave it out.")
    return guarantees.policy_for(run, risk) if asked else None


def _refuse_crops(run: Run, useless: bool) -> None:
    if useless:
        raise ValueError(f"--crops cuts out objects, and {run.path} does {run.config.task}. Leave it out.")


def _refuse_nothing(tally: Tally, views: Views) -> None:
    if not tally.pictures:
        raise DataError(f"nothing was seen: {'; '.join(views.cut_short) or 'it was stopped before that'}.")


def results(predicted: Predicted | PredictedRows) -> list[dict[str, Any]]:
    """One row per object or picture: its number and file name, and what was found there (see ``plain_rows.rows``).

    With a policy each has the decision too, and a picture without objects a row of its own.
    """
    if isinstance(predicted, PredictedRows):
        return list(predicted.rows)
    begun = [one.row() for one in predicted.seen] or [
        {"image_id": number, "file_name": str(file)} for number, file in enumerate(predicted.files, 1)
    ]
    likenesses: Sequence[Likeness | None] = predicted.likenesses or [None] * len(begun)
    decisions: Sequence[Decision | None] = predicted.decisions or [None] * len(begun)
    found = []
    for beginning, prediction, like, decision in zip(begun, predicted.predictions, likenesses, decisions, strict=True):
        rows = rows_of(prediction, predicted.class_names, predicted.thresholds, predicted.calibration)
        cells = plain_rows.of_likeness(like) | ({} if decision is None else decision.cells())
        found += [{**beginning, **row, **cells} for row in (rows or ([] if decision is None else [{}]))]
    return found


def _looked_at(predictor: Any, views: Views, filter: Filter, likenesses: Likenesses) -> Iterator[tuple[View, Answer]]:
    """Each picture with what is said of it; only those under way are in memory."""
    waiting: deque[View] = deque()
    restoring = Restoring(filter.given)

    def images() -> Iterator[Any]:
        for view in map(restoring.brought, views):
            _check_size(predictor, view)
            waiting.append(view)
            image = view.image
            del view
            yield image
            del image

    for prediction in predictor(images()):
        like = likenesses.next()
        view = waiting.popleft()
        pair = (view, Answer(like, *filter(restoring(view, prediction), like)))
        del prediction, view
        yield pair
        del pair


def _check_size(predictor: Any, view: View) -> None:
    """Raise ValueError, with the file's name, for a picture of a size that the network cannot answer."""
    check = getattr(getattr(predictor, "model", None), "check", None)
    if check is not None:
        try:
            check(view.image[None])
        except ValueError as error:
            raise ValueError(f"{view.seen.file_name}: {error}") from error


@contextlib.contextmanager
def _large_pictures() -> Iterator[None]:
    """Pictures up to the limit of ``decoding`` are meant to be read; Pillow warns from half of that on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
