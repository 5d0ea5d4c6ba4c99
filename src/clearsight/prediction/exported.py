"""Prediction by an exported detector on picture files, without torch: the same JSON, CSV and overlays as a run's."""

import contextlib
import glob
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from clearsight.exported import ExportedDetector, Found, load_exported
from clearsight.files import decoding
from clearsight.metrics import platt
from clearsight.ops import masks, tracing
from clearsight.ops.mask_pasting import numbered
from clearsight.ops.matching import sizes_of
from clearsight.prediction import writing
from clearsight.prediction.scored_rows import beside_scores
from clearsight.quantities import counted

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")  # as a run's overlays


@dataclass(frozen=True, kw_only=True)
class FoundInFiles:
    """One row per object, as ``predictions.json`` has them, and the objects of each picture file, in order."""

    files: tuple[Path, ...]
    found: tuple[Found, ...]
    rows: tuple[dict[str, Any], ...]
    class_names: tuple[str, ...]
    folder: Path | None
    skipped: tuple[str, ...] = ()


def predict_exported(
    model: ExportedDetector | str | Path,
    pictures: Sequence[str | Path] | str | Path,
    *,
    out: str | Path | None = None,
    formats: Sequence[str] = ("json", "csv"),
    min_score: float | None = None,
    classes: Sequence[str] = (),
    overlays: bool = True,
    skip_bad: bool = False,
) -> FoundInFiles:
    """Predict on picture files, in each picture's own pixels.

    Args:
        pictures: files, folders (all pictures below them) and patterns such as ``"photos/*.jpg"``.
        out: a new folder for the files of ``formats`` (json, csv, coco, yolo) and ``overlays/``; none where None.
            Masks are always written there, as PNG of the objects' numbers.
        min_score: the score from which a detection counts; the deployed threshold where None.
        classes: names of the classes whose objects are kept; all where empty.
        skip_bad: leave out files that cannot be read, and say so, instead of stopping.

    Raises:
        ValueError: a model that cannot be used, no pictures, unreadable ones, videos or a camera (which need the run),
            a class that the model does not know, a folder that is not new.
    """
    chosen = writing.formats_of(formats, objects=True)
    detector = model if isinstance(model, ExportedDetector) else load_exported(model)
    wanted = writing.class_ids(classes, detector.class_names)
    if min_score is not None and not 0 <= min_score <= 1:
        raise ValueError(f"min_score is {min_score}. Expected a score between 0 and 1.")
    files = picture_files([pictures] if isinstance(pictures, str | Path) else pictures)
    files, skipped = _readable(files, skip_bad)
    names, taken = writing.unique_names([file.stem for file in files]), []
    folder = None if out is None else writing.new_folder(out)
    rows: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        partial = stack.enter_context(writing.appearing(folder))
        output = None if partial is None else stack.enter_context(_Output(partial, detector, chosen, overlays=overlays))
        for number, (file, name) in enumerate(zip(files, names, strict=True), 1):
            picture = decoding.decode(file)
            found = detector(picture, min_score=min_score)
            if wanted:
                found = found.select(np.isin(found.labels, wanted))
            taken.append(found)
            size = (picture.shape[0], picture.shape[1])
            seen = writing.Seen(image_id=number, file_name=str(file), size=size, name=name)
            objects = rows_of(found, size, detector)
            rows += [seen.row() | row for row in objects]
            if output is not None:
                output.add(seen, picture, found, objects)
    return FoundInFiles(
        files=tuple(files), found=tuple(taken), rows=tuple(rows), class_names=detector.class_names, folder=folder,
        skipped=skipped,
    )  # fmt: skip


def rows_of(found: Found, size: decoding.Size, detector: ExportedDetector) -> list[dict[str, Any]]:
    """The objects of a picture of ``size`` as COCO results, masks as compressed run lengths over the whole picture."""
    lists = (found.boxes.tolist(), found.scores.tolist(), found.labels.tolist())
    rows = writing.object_rows(*lists, detector.class_names)
    if found.masks is None:
        return _with_confidence(rows, found, (found.boxes[:, 2:] - found.boxes[:, :2]).prod(1), detector)
    for row, (window, crop) in zip(rows, found.crops(size, detector.mask_threshold), strict=True):
        whole = np.zeros(size, dtype=bool)
        _part(whole, window)[:] = crop
        counts = masks.compressed(masks.run_lengths(whole))
        row |= {"area": int(crop.sum()), "segmentation": {"size": list(size), "counts": counts}}
    return _with_confidence(rows, found, np.array([row["area"] for row in rows], dtype=np.float64), detector)


def _with_confidence(
    rows: list[dict[str, Any]], found: Found, area: np.ndarray, detector: ExportedDetector
) -> list[dict[str, Any]]:
    """The rows with the calibrated confidence of objects of these areas in px², where the export tells of any."""
    calibration = platt.as_lines(detector.description.calibration)
    if calibration is None:
        return rows
    sizes = sizes_of(area.astype(np.float64))
    confidences = platt.scaled(found.scores.astype(np.float64), found.labels, sizes, calibration)
    return beside_scores(rows, confidences.tolist())


class _Output(contextlib.ExitStack):
    """Writes all output files while predicting."""

    def __init__(self, folder: Path, detector: ExportedDetector, formats: Sequence[str], *, overlays: bool) -> None:
        super().__init__()
        self.folder, self.detector, self.overlays, self.outlines = folder, detector, overlays, "yolo" in formats
        self.tables = self.enter_context(
            writing.Tables(folder, formats, detector.class_names, frames=False, objects=True)
        )
        if overlays:
            (folder / "overlays").mkdir()

    def add(self, seen: writing.Seen, picture: np.ndarray, found: Found, rows: list[dict[str, Any]]) -> None:
        """Write and draw the detections of one picture; its masks are a PNG of the objects' numbers, from 1."""
        parts = [] if found.masks is None else list(found.crops(seen.size, self.detector.mask_threshold))
        if found.masks is not None:
            (self.folder / "masks").mkdir(exist_ok=True)
            Image.fromarray(numbered(parts, seen.size)).save(self.folder / "masks" / f"{seen.name}.png")
        if self.outlines:
            outlines = ({"outline": (tracing.outline(crop) + window[:2]).tolist()} for window, crop in parts)
            rows = [row | extra for row, extra in zip(rows, outlines, strict=True)] if parts else rows
        self.tables.add(seen, rows)
        if self.overlays:
            image = drawn(picture, found, self.detector.class_names, parts)
            image.save(self.folder / "overlays" / f"{seen.name}.jpg", quality=90)


def _part(pixels: np.ndarray, window: Sequence[int]) -> np.ndarray:
    """The pixels of a window ``x1 y1 x2 y2``."""
    x1, y1, x2, y2 = window
    return pixels[y1:y2, x1:x2]


def picture_files(words: Sequence[str | Path]) -> list[Path]:
    """The picture files that the words name, without repetition, folders and patterns in alphabetic order."""
    found: dict[Path, None] = {}
    for word in words:
        path = Path(word)
        camera = re.fullmatch(r"(camera:)?\d{1,4}", str(word)) and not path.exists()
        if camera or path.suffix.lower() in writing.VIDEOS:
            raise ValueError(
                f"{word} is a {'camera' if camera else 'video'}, and an exported model takes pictures only. "
                "Predict with the run itself: `clearsight predict RUN ...`."
            )
        if path.is_file():
            found[path] = None
            continue
        inside = path.rglob("*") if path.is_dir() else map(Path, glob.glob(str(word), recursive=True))
        matches = sorted(
            file
            for file in inside
            if file.is_file() and (not path.is_dir() or file.suffix.lower() in decoding.SUFFIXES)
        )
        if not matches:
            what = "there are no pictures in" if path.is_dir() else "there is no picture"
            raise ValueError(f"{what} {word}. Give files, folders, or a pattern in quotes.")
        found.update(dict.fromkeys(matches))
    return list(found)


def said(found: FoundInFiles) -> str:
    """The counts over all pictures, as text."""
    counts = Counter(found.class_names[label] for one in found.found for label in one.labels.tolist())
    width = max(len(name) for name in (*found.class_names, "class"))
    lines = [f"{'class':<{width}}  found", *(f"{name:<{width}}  {counts[name]}" for name in found.class_names)]
    where = [] if found.folder is None else [f"\nWritten into {found.folder}"]
    return "\n".join([counted(len(found.files), "pictures"), *lines, *where])


def drawn(
    picture: np.ndarray, found: Found, class_names: Sequence[str], parts: Sequence[tuple[list[int], np.ndarray]] = ()
) -> Image.Image:
    """The picture ``h w 3`` with boxes, and masks if any, in the colours of their classes, the best on top."""
    pixels = picture.copy() if parts else picture
    for (window, crop), label in reversed(list(zip(parts, found.labels.tolist(), strict=False))):
        tint = np.array(ImageColor.getrgb(COLOURS[label % len(COLOURS)]), dtype=np.float32)
        own = _part(pixels, window)
        own[crop] = (0.6 * own[crop] + 0.4 * tint).astype(np.uint8)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    longer = max(image.size)
    letters, line = max(11, round(longer / 44)), max(2, round(longer / 320))
    font = ImageFont.load_default(letters)
    for box, score, label in list(zip(found.boxes.tolist(), found.scores, found.labels.tolist(), strict=True))[::-1]:
        colour = COLOURS[label % len(COLOURS)]
        draw.rectangle(box, outline=colour, width=line)
        name = "".join(letter if letter.isprintable() else " " for letter in class_names[label])[:24]
        words = name if len(found) > 12 else f"{name} {score:.2f}"
        corner = (box[0], max(0.0, box[1] - letters - 4))
        draw.rectangle(draw.textbbox(corner, words, font=font), fill=colour)
        draw.text(corner, words, fill="white", font=font)
    return image


def _readable(files: list[Path], skip_bad: bool) -> tuple[list[Path], tuple[str, ...]]:
    problems = {}
    for file in files:
        try:
            problem = decoding.probe(file)[1]
            if skip_bad and problem is None:
                decoding.decode(file)
        except ValueError as error:
            problem = error  # type: ignore[assignment]
        if problem is not None:
            problems[file] = f"{file}: {problem}"
    listed = "\n".join(list(problems.values())[:10])
    if problems and not skip_bad:
        raise ValueError(
            f"{len(problems)} of {len(files)} files cannot be read as pictures:\n{listed}\n"
            "Remove them, or leave them out with --skip-bad."
        )
    if len(problems) == len(files):
        raise ValueError(f"none of the {len(files)} files can be read as a picture:\n{listed}")
    return [file for file in files if file not in problems], tuple(problems.values())
