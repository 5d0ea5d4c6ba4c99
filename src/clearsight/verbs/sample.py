"""Make pictures with a trained generator: single ones, a grid, or a video between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight import drawing
from clearsight.console.progress import stage
from clearsight.files import credentials, durable
from clearsight.generation import sheets as drawn
from clearsight.generation.asking import labels_for
from clearsight.generation.sampling import path_between, sampled
from clearsight.loading import trained
from clearsight.loading.made_by import made_by
from clearsight.prediction import writing
from clearsight.prediction.videos import DrawnVideo
from clearsight.run import Run

FRAMES_PER_S = 24
FRAMES_BETWEEN = 24  # from one picture to the next of an interpolation


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """The pictures made, and the files they were written to; ``classes`` names what was asked for of each."""

    pictures: UInt8[Tensor, "n 3 h w"]
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    about: dict[str, Any]


def sample(
    run: Run | str | Path,
    *,
    count: int = 16,
    seed: int = 0,
    truncation: float = 1.0,
    classes: Sequence[str] = (),
    folder: str | Path | None = None,
    grid: str | Path | None = None,
    video: str | Path | None = None,
    interpolate: int = 0,
    quiet: bool = True,
) -> Sampled:
    """Pictures of a trained generator; the same run, seed and number give the same picture.

    Args:
        count: how many pictures; seed: which ones.
        truncation: the scale of the latents, above 0; below 1 pictures are more typical and less varied.
        classes: names of the classes to make, in turn, for a conditional generator; all of them where empty.
        folder: a new folder for PNG files and a table of them; grid: a PNG file of all side by side.
        interpolate: a path through so many pictures instead; video: an MP4 or GIF file of that path.

    Raises:
        ValueError: a run of another kind or without weights, a class it does not know, files that are there already.
    """
    run = trained.opened(run)
    config = run.config
    _check_run(run)
    _check(count, truncation, interpolate, video)
    labels = labels_for(run, classes, count)
    _check_new(grid, video)
    credentials.check()
    target = None if folder is None else writing.new_folder(folder)
    network = trained.load(run).to("cuda" if torch.cuda.is_available() else "cpu")
    with stage("sampling", quiet) as watch:
        if interpolate:
            label = None if labels is None else labels[0]
            made = path_between(network, seed, interpolate, FRAMES_BETWEEN, truncation=truncation, label=label)
            labels = None if label is None else [label] * len(made)
        else:
            made = sampled(network, count, seed, truncation=truncation, classes=labels, watch=watch)
    names = tuple("" if labels is None else config.class_names[labels[k]] for k in range(len(made)))
    about = made_by(run, seed=seed, truncation=truncation)
    files = _written(made, names, about, target, grid, video)
    return Sampled(pictures=made, classes=names, files=files, about=about)


def _written(
    made: Tensor, names: Sequence[str], about: dict[str, Any], folder: Path | None, grid: Any, video: Any
) -> tuple[Path, ...]:
    files: list[Path] = []
    with writing.appearing(folder) as partial:
        if partial is not None and folder is not None:
            rows = [{"file_name": f"{k:06d}.png", "number": k, "class": name} for k, name in enumerate(names)]
            for row, image in zip(rows, made, strict=True):
                content = drawn.png(drawing.picture_of(image), {**about, **row})
                (partial / str(row["file_name"])).write_bytes(content)
                files.append(folder / str(row["file_name"]))
            durable.write_json(partial / "samples.json", {**about, "pictures": rows})
            files.append(folder / "samples.json")
    if grid is not None:
        durable.write_bytes(Path(grid), drawn.png(drawn.grid(made), {**about, "pictures": len(made)}))
        files.append(Path(grid))
    if video is not None:
        _write_video(Path(video), made, about)
        files.append(Path(video))
    return tuple(files)


def _write_video(path: Path, made: Tensor, about: dict[str, Any]) -> None:
    frames = [drawn.grid(image[None]) for image in made]
    if path.suffix.lower() == ".gif":
        frame_ms = 1000 // FRAMES_PER_S
        durable.write_bytes(path, drawn.animation(frames, about, frame_ms=frame_ms, hold_ms=frame_ms))
        return
    film = DrawnVideo(path)
    for number, frame in enumerate(frames):
        even = frame.crop((0, 0, frame.width // 2 * 2, frame.height // 2 * 2))  # MPEG-4 needs even sides
        film.add(number / FRAMES_PER_S, even)
    film.close()
    if credentials.available():
        durable.write_bytes(path, credentials.signed(path.read_bytes(), "video/mp4", about))


def _check_run(run: Run) -> None:
    if not trained.makes_pictures(run.config.model):
        raise ValueError(
            f"{run.path} is a {run.config.model}, which makes no pictures of its own. Expected a run of a generator: "
            f"`clearsight models` lists them. Use `clearsight predict` with this one."
        )


def _check_new(*places: str | Path | None) -> None:
    if taken := [place for place in places if place is not None and Path(place).exists()]:
        raise ValueError(f"{taken[0]} is there already. Choose a new file, or remove it.")


def _check(count: int, truncation: float, interpolate: int, video: Any) -> None:
    if count < 1:
        raise ValueError(f"count is {count}. Expected at least 1 picture.")
    if not 0 < truncation <= 2:
        raise ValueError(f"truncation is {truncation}. Expected a scale above 0 and at most 2; 1 is what it learnt.")
    if interpolate and interpolate not in range(2, 65):
        raise ValueError(f"interpolate is {interpolate}. Expected 2 to 64 pictures to pass through, or 0 for none.")
    if video is not None and not interpolate:
        raise ValueError("a video shows the way between pictures. Say how many with --interpolate, such as 8.")
    if video is not None and Path(video).suffix.lower() not in (".mp4", ".gif"):
        raise ValueError(f"{video} is no video that can be written. Expected a name that ends in .mp4 or .gif.")
