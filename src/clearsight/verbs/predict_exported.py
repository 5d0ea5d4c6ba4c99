"""Find what an exported detector sees in picture files, without torch: the same JSON, CSV and overlays as a run's."""

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clearsight import decoding
from clearsight.exported import ExportedDetector, Found, load_exported
from clearsight.verbs import writing

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
    overlays: bool = True,
    skip_bad: bool = False,
) -> FoundInFiles:
    """Predict on picture files, in each picture's own pixels.

    Args:
        pictures: files, folders (all pictures below them) and patterns such as ``"photos/*.jpg"``.
        out: a new folder for the files of ``formats`` (json, csv, coco, yolo) and ``overlays/``; none where None.
        min_score: the score from which a detection counts; the threshold settled in training where None.
        skip_bad: leave out files that cannot be read, and say so, instead of stopping.

    Raises:
        ValueError: a model that cannot be used, no pictures, unreadable ones, a folder that is not new.
    """
    chosen = writing.formats_of(formats, objects=True)
    detector = model if isinstance(model, ExportedDetector) else load_exported(model)
    files = picture_files([pictures] if isinstance(pictures, str | Path) else pictures)
    files, skipped = _readable(files, skip_bad)
    names, taken = _names(files), []
    folder = None if out is None else writing.new_folder(out)
    rows: list[dict[str, Any]] = []
    with writing.appearing(folder) as partial:
        tables = None
        if partial is not None:
            tables = writing.Tables(partial, chosen, detector.class_names, frames=False, objects=True)
            if overlays:
                (partial / "overlays").mkdir()
        try:
            for number, (file, name) in enumerate(zip(files, names, strict=True), 1):
                picture = decoding.decode(file)
                found = detector(picture, min_score=min_score)
                taken.append(found)
                size = (picture.shape[0], picture.shape[1])
                seen = writing.Seen(image_id=number, file_name=str(file), size=size, name=name)
                lists = (found.boxes.tolist(), found.scores.tolist(), found.labels.tolist())
                objects = writing.object_rows(*lists, detector.class_names)
                rows += [seen.row() | row for row in objects]
                if tables is not None and partial is not None:
                    tables.add(seen, objects)
                    if overlays:
                        drawn(picture, found, detector.class_names).save(
                            partial / "overlays" / f"{name}.jpg", quality=90
                        )
        finally:
            if tables is not None:
                tables.__exit__(None, None, None)
    return FoundInFiles(
        files=tuple(files), found=tuple(taken), rows=tuple(rows), class_names=detector.class_names, folder=folder,
        skipped=skipped,
    )  # fmt: skip


def picture_files(words: Sequence[str | Path]) -> list[Path]:
    """The picture files that the words name, without repetition, folders and patterns in alphabetic order."""
    found: dict[Path, None] = {}
    for word in words:
        path = Path(word)
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
    """What was found in all pictures together, in words."""
    counts = Counter(found.class_names[label] for one in found.found for label in one.labels.tolist())
    width = max(len(name) for name in (*found.class_names, "class"))
    lines = [f"{'class':<{width}}  found", *(f"{name:<{width}}  {counts[name]}" for name in found.class_names)]
    where = [] if found.folder is None else [f"\nWritten into {found.folder}"]
    return "\n".join([f"{len(found.files)} pictures", *lines, *where])


def drawn(picture: np.ndarray, found: Found, class_names: Sequence[str]) -> Image.Image:
    """The picture ``h w 3`` with the boxes in the colours of their classes, the best on top."""
    image = Image.fromarray(picture)
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
    said = "\n".join(list(problems.values())[:10])
    if problems and not skip_bad:
        raise ValueError(
            f"{len(problems)} of {len(files)} files cannot be read as pictures:\n{said}\n"
            "Remove them, or leave them out with --skip-bad."
        )
    if len(problems) == len(files):
        raise ValueError(f"none of the {len(files)} files can be read as a picture:\n{said}")
    return [file for file in files if file not in problems], tuple(problems.values())


def _names(files: Sequence[Path]) -> list[str]:
    """Names of files of their own: the pictures' own, with the number where several would share one."""
    counts = Counter(file.stem.casefold() for file in files)
    taken = {stem for stem, count in counts.items() if count == 1}
    names = []
    for number, file in enumerate(files, 1):
        name = file.stem
        while counts[file.stem.casefold()] > 1 and (name == file.stem or name.casefold() in taken):
            name = f"{name}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names
