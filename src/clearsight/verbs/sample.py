"""Make pictures with a trained generator: single ones, a grid, or a video between them, from noise or from files."""

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
from clearsight.files.generated_pictures import mark_film
from clearsight.generation import conditions
from clearsight.generation import sheets as drawn
from clearsight.generation.asking import labels_for
from clearsight.generation.given_files import Given, read_given
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
    """The pictures made, and the files they were written to; ``classes`` names what was asked for of each.

    ``made_from`` is the file that each was made from, "" where it was made from noise alone.
    """

    pictures: UInt8[Tensor, "n 3 h w"]
    classes: tuple[str, ...]
    made_from: tuple[str, ...]
    files: tuple[Path, ...]
    about: dict[str, Any]


def sample(
    run: Run | str | Path,
    *,
    count: int | None = None,
    seed: int = 0,
    truncation: float = 1.0,
    classes: Sequence[str] = (),
    made_from: str | Path | Sequence[str | Path] | None = None,
    folder: str | Path | None = None,
    grid: str | Path | None = None,
    video: str | Path | None = None,
    interpolate: int = 0,
    quiet: bool = True,
) -> Sampled:
    """Pictures of a trained generator; the same run, seed and number give the same picture.

    Args:
        count: how many pictures, 16 unless said; of each file of ``made_from``, 1 unless said. seed: which ones.
        truncation: the scale of the latents, above 0; below 1 pictures are more typical and less varied.
        classes: names of the classes to make, in turn, for a conditional generator; all of them where empty.
        made_from: files, folders or patterns of what pictures are made from, for a generator that needs it: label maps,
            pictures to be completed, small pictures to be made larger. Each file's pictures are the same whatever other
            files are named.
        folder: a new folder for PNG files and a table of them; grid: a PNG file of all side by side.
        interpolate: a path through so many pictures instead; video: an MP4 or GIF file of that path.

    Raises:
        ValueError: a run of another kind or without weights, a class it does not know, files that are there already.
    """
    run = trained.opened(run)
    config = run.config
    _check_run(run)
    count = count if count is not None else 16 if made_from is None else 1
    _check(count, truncation, interpolate, video)
    _check_new(grid, video)
    credentials.check()
    network = trained.ready(run)
    given = read_given(network, config.class_names, run.path, made_from)
    _check_given(given, network, count, interpolate)
    total = count * (1 if given is None else len(given.files))
    labels = labels_for(run, classes, total)
    target = None if folder is None else writing.new_folder(folder)
    with stage("sampling", quiet) as watch:
        if interpolate:
            label = None if labels is None else labels[0]
            one = None if given is None else given.rows[0]
            made = path_between(
                network, seed, interpolate, FRAMES_BETWEEN, truncation=truncation, label=label, condition=one
            )
            labels = None if label is None else [label] * len(made)
        else:
            rows = None if given is None else given.rows.repeat_interleave(count, 0)
            numbers = list(range(count)) * (total // count)
            made = sampled(
                network,
                total,
                seed,
                truncation=truncation,
                classes=labels,
                condition=rows,
                numbers=numbers,
                watch=watch,
            )
    names = tuple("" if labels is None else config.class_names[labels[k]] for k in range(len(made)))
    each = len(made) if given is None else len(made) // len(given.files)
    origins = tuple("" if given is None else str(given.files[k // each]) for k in range(len(made)))
    about = made_by(run, seed=seed, truncation=truncation)
    files = _written(network, config, made, names, given, about, target, grid, video)
    return Sampled(pictures=made, classes=names, made_from=origins, files=files, about=about)


def _written(
    network: Any, config: Any, made: Tensor, names: Sequence[str], given: Given | None, about: dict[str, Any],
    folder: Path | None, grid: Any, video: Any,
) -> tuple[Path, ...]:  # fmt: skip
    files: list[Path] = []
    with writing.appearing(folder) as partial:
        if partial is not None and folder is not None:
            rows = _rows(names, given)
            for row, image in zip(rows, made, strict=True):
                content = drawn.png(drawing.picture_of(image), {**about, **row})
                (partial / str(row["file_name"])).write_bytes(content)
                files.append(folder / str(row["file_name"]))
            durable.write_json(partial / "samples.json", {**about, "pictures": rows})
            files.append(folder / "samples.json")
    if grid is not None:
        said = {**about, "pictures": len(made)}
        if given is not None:
            said["made_from"] = [file.name for file in given.files]
        durable.write_bytes(Path(grid), drawn.png(_grid(network, config.class_names, made, given), said))
        files.append(Path(grid))
    if video is not None:
        _write_video(Path(video), made, about)
        files.append(Path(video))
    return tuple(files)


def _rows(names: Sequence[str], given: Given | None) -> list[dict[str, Any]]:
    """What is said of each picture, its file first: named after its number, or after what it was made from."""
    if given is None:
        return [{"file_name": f"{k:06d}.png", "number": k, "class": name} for k, name in enumerate(names)]
    each = len(names) // len(given.files)
    return [
        {
            "file_name": f"{given.names[k // each]}-{k % each}.png", "number": k % each, "class": name,
            "made_from": given.files[k // each].name,
        }
        for k, name in enumerate(names)
    ]  # fmt: skip


def _grid(network: Any, class_names: Sequence[str], made: Tensor, given: Given | None) -> Any:
    """All pictures side by side; those made from something in a row beside it."""
    if given is None:
        return drawn.grid(made)
    seen = conditions.drawn(network, given.rows, class_names)
    rows = torch.cat([seen[:, None], made.unflatten(0, (len(seen), -1))], 1)
    return drawn.grid(rows.flatten(0, 1), rows.shape[1])


def _check_given(given: Given | None, network: Any, count: int, interpolate: int) -> None:
    if given is None:
        return
    if interpolate and len(given.files) > 1:
        raise ValueError(
            f"a path through {interpolate} pictures was asked for, and {len(given.files)} files to make them from were "
            "named. Expected one file: the path changes the noise alone."
        )
    if max(count, interpolate) > 1 and not network.latents(1, torch.Generator()).numel():
        raise ValueError(
            "several pictures of each file were asked for, and this run was trained without latents: it makes one "
            "picture of each. Leave --count out, or train with --set latents=32."
        )


def _write_video(path: Path, made: Tensor, about: dict[str, Any]) -> None:
    frames = [drawn.grid(image[None]) for image in made]
    if path.suffix.lower() == ".gif":
        frame_ms = 1000 // FRAMES_PER_S
        durable.write_bytes(path, drawn.animation(frames, about, frame_ms=frame_ms, hold_ms=frame_ms))
        return

    def write(unfinished: Path) -> None:
        place = unfinished.with_name(f"{unfinished.name}.mp4")  # OpenCV goes by the end of the name
        try:
            film = DrawnVideo(place)
            for number, frame in enumerate(frames):
                even = frame.crop((0, 0, frame.width // 2 * 2, frame.height // 2 * 2))  # MPEG-4 needs even sides
                film.add(number / FRAMES_PER_S, even)
            film.close()
            mark_film(place, about)
            place.replace(unfinished)
        finally:
            place.unlink(missing_ok=True)

    durable.write_atomically(path, write)


def _check_run(run: Run) -> None:
    if not hasattr(trained.kind_of(run.config.model), "sample"):
        raise ValueError(
            f"{run.path} is a {run.config.model}, which makes no pictures of its own. Expected a run of a generator, "
            "which `clearsight models` lists, or of pixel-recursive. Use `clearsight predict` with this one."
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
