"""Find what a trained model sees in pictures: files, folders and patterns in; JSON, CSV and overlays out."""

import contextlib
import csv
import glob
import io
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight import drawing, durable, evaluation
from clearsight.run import Run
from clearsight.sources import pictures as picture_files
from clearsight.sources.problems import DataError, listed, shown
from clearsight.types import Detections, Prediction, Sample, Segmentation
from clearsight.verbs import findings, trained
from clearsight.verbs.progress import stage
from clearsight.verbs.table_rows import PredictedRows, predict_table

OVERLAYS_AHEAD = 32


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What was found: one prediction per picture file, in order; ``folder`` holds the files written, if any."""

    files: tuple[Path, ...]
    predictions: tuple[Prediction, ...]
    class_names: tuple[str, ...]
    folder: Path | None
    skipped: tuple[str, ...] = ()


def predict(
    run: Run | str | Path,
    pictures: Sequence[str | Path] | str | Path,
    *,
    out: str | Path | None = None,
    min_score: float | None = None,
    window: int | None = None,
    overlays: bool = True,
    skip_bad: bool = False,
    batch: int = 4,
    quiet: bool = True,
) -> Predicted | PredictedRows:
    """Predict on picture files, in each picture's own pixels; or on the rows of tables, if the run learnt from one.

    Args:
        pictures: files, folders (all pictures below them) and patterns such as ``"photos/*.jpg"``.
        out: a new folder for ``predictions.json`` (objects as COCO results with file and class names, else one row per
            picture), ``predictions.csv``, ``overlays/`` and, for class maps, ``masks/``; nothing is written where None.
        min_score: the score from which a detection counts; the threshold settled in training where None.
        window: for class maps of large pictures: see each window of so many px as a picture of its own, and melt them.
        skip_bad: leave out files that cannot be read, and say so, instead of stopping.

    Raises:
        ValueError: no pictures, unreadable ones (all of them named), a run without weights, a folder that is not new.
    """
    run = trained.opened(run)
    if run.config.settings.get("table"):
        return predict_table(run, pictures, out, skip_bad=skip_bad)
    files = found_files([pictures] if isinstance(pictures, str | Path) else list(pictures))
    folder = None if out is None else _new_folder(Path(out))
    files, skipped = _readable(files, skip_bad)
    threshold = trained.deployed(run.config).get("threshold", 0.5) if min_score is None else min_score
    if min_score is not None and run.config.task != "detection":
        raise ValueError(f"--min-score chooses among boxes, and {run.path} does {run.config.task}. Leave it out.")
    predictor = trained.predictor(run, batch=batch, window=window)
    names = run.config.class_names
    seen = _Pictures(files)
    kept: list[Prediction] = []
    with _appearing(folder) as partial:
        place = None if partial is None or not overlays else partial / "overlays"
        with stage("predicting", quiet) as watch, _Overlays(place, seen, names) as painter:
            for prediction in predictor(sample.image for sample in painter.watched(evaluation.decoded(seen))):
                kept.append(prediction.above(threshold) if isinstance(prediction, Detections) else prediction)
                painter.paint(len(kept) - 1, kept[-1])
                watch(len(kept), len(files))
        found = Predicted(
            files=tuple(files), predictions=tuple(kept), class_names=names, folder=folder, skipped=skipped
        )
        if partial is not None:
            _write(found, partial)
    return found


def found_files(words: Sequence[str | Path]) -> list[Path]:
    """The picture files that the words name, without repetition, folders and patterns in alphabetic order."""
    found: dict[Path, None] = {}
    for word in words:
        path = Path(word)
        if path.is_dir():
            inside = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in picture_files.SUFFIXES and file.is_file()
            )
            if not inside:
                raise DataError(f"there are no pictures in {shown(path)}. Expected files such as .jpg or .png in it.")
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            matches = [match for name in glob.glob(str(word), recursive=True) if (match := Path(name)).is_file()]
            if not matches:
                raise DataError(f"there is no picture {shown(word)}. Give files, folders, or a pattern in quotes.")
            found.update(dict.fromkeys(sorted(matches)))
    return list(found)


def results(predicted: Predicted | PredictedRows) -> list[dict[str, Any]]:
    """One row per object or picture: its number and file name, and what was found there (see ``findings.rows``)."""
    if isinstance(predicted, PredictedRows):
        return list(predicted.rows)
    return [
        {"image_id": number, "file_name": str(file), **row}
        for number, (file, found) in enumerate(zip(predicted.files, predicted.predictions, strict=True), 1)
        for row in findings.rows(found, predicted.class_names)
    ]


class _Pictures:
    """Picture files as a sequence of samples without truth."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        try:
            return Sample(id=str(self.files[index]), image=picture_files.decode(self.files[index]), truth=None)
        except ValueError as error:
            raise DataError(
                f"{shown(self.files[index])}: {error}. Remove it, or leave it out with --skip-bad."
            ) from error


def _readable(files: list[Path], skip_bad: bool) -> tuple[list[Path], tuple[str, ...]]:
    """The files that decode, where bad ones may be skipped; otherwise all, once their headers have been looked at."""
    problems = {}
    for file in files:
        problem = _fault(file) if skip_bad else picture_files.probe(file)[1]
        if problem is not None:
            problems[file] = f"{shown(file)}: {problem}"
    if problems and not skip_bad:
        raise DataError(
            f"{len(problems)} of {len(files)} files cannot be read as pictures:\n{listed(list(problems.values()))}\n"
            "Remove them, or leave them out with --skip-bad."
        )
    if len(problems) == len(files):
        raise DataError(f"none of the {len(files)} files can be read as a picture:\n{listed(list(problems.values()))}")
    return [file for file in files if file not in problems], tuple(problems.values())


def _fault(file: Path) -> ValueError | None:
    try:
        picture_files.decode(file)
    except ValueError as error:
        return error
    return None


def _new_folder(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty. Predictions need a folder of their own: choose a new one with --out.")
    return folder


@contextlib.contextmanager
def _appearing(folder: Path | None) -> Iterator[Path | None]:
    """A folder to write into that takes its name when the block is done, and vanishes where it fails."""
    if folder is None:
        yield None
        return
    folder = folder.absolute()
    partial = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}{durable.UNFINISHED}")
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise ValueError(durable.failure(folder, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Overlays:
    """Draws pictures beside the prediction, by threads, and stores them in a folder."""

    def __init__(self, folder: Path | None, seen: _Pictures, class_names: Sequence[str]) -> None:
        self.folder, self.seen, self.class_names = folder, seen, class_names
        self.file_names = overlay_names(seen.files)
        self.images: dict[int, Any] = {}
        self.waiting: list[Future[None]] = []

    def __enter__(self) -> "_Overlays":
        self.pool = ThreadPoolExecutor(2)
        if self.folder is not None:
            self.folder.mkdir()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=kind is not None)
        for job in self.waiting if kind is None else []:
            job.result()

    def watched(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        """The samples, their pictures remembered until they are painted."""
        for index, sample in enumerate(samples):
            if self.folder is not None:
                self.images[index] = sample.image
            yield sample

    def paint(self, index: int, prediction: Prediction) -> None:
        """Draw one prediction, later."""
        if self.folder is None:
            return
        if len(self.waiting) >= OVERLAYS_AHEAD:
            self.waiting.pop(0).result()
        self.waiting.append(self.pool.submit(self._paint, index, self.images.pop(index), prediction))

    def _paint(self, index: int, image: Any, prediction: Prediction) -> None:
        assert self.folder is not None
        if isinstance(prediction, Segmentation):
            masks = self.folder.with_name("masks")
            masks.mkdir(exist_ok=True)
            name = Path(self.file_names[index]).with_suffix(".png").name
            drawing.class_map_picture(prediction.labels, len(self.class_names)).save(masks / name)
        if isinstance(prediction, Segmentation):
            masks = self.folder.with_name("masks")
            masks.mkdir(exist_ok=True)
            name = Path(self.file_names[index]).with_suffix(".png").name
            drawing.class_map_picture(prediction.labels, len(self.class_names)).save(masks / name)
        drawn = drawing.overlay(prediction, image, self.class_names, at_least_px=1)
        drawn.save(self.folder / self.file_names[index], "JPEG", quality=90)


def overlay_names(files: Sequence[Path]) -> list[str]:
    """The pictures' own names as JPEG; with their number where several pictures would share one."""
    counts = Counter(file.stem.casefold() for file in files)
    taken = {stem for stem, count in counts.items() if count == 1}
    names = []
    for number, file in enumerate(files, 1):
        name = file.stem
        while counts[file.stem.casefold()] > 1 and (name == file.stem or name.casefold() in taken):
            name = f"{name}-{number}"
        taken.add(name.casefold())
        names.append(f"{name}.jpg")
    return names


def _write(predicted: Predicted, folder: Path) -> None:
    rows = results(predicted)
    # Names of files may hold lone surrogates, which UTF-8 cannot say: in JSON these become its own escapes.
    text = json.dumps(rows, indent=1, ensure_ascii=False)
    (folder / "predictions.json").write_text(text, encoding="utf-8", errors="backslashreplace")
    table = io.StringIO()
    writer = csv.writer(table)
    for cells in findings.table(rows):
        writer.writerow([_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    (folder / "predictions.csv").write_text(table.getvalue(), "utf-8", "backslashreplace", newline="")


def _cell(text: str) -> str:
    """Text that a spreadsheet shows rather than computes."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
