"""Pictures of predictions: overlays, videos of them, masks and restored pictures as PNG, crops of every object."""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, UInt8, UInt16
from PIL import Image
from torch import Tensor

from clearsight import drawing
from clearsight.files.generated_pictures import FROM_A_PICTURE, jpeg, mark_film, png
from clearsight.inference.tiles import reduced
from clearsight.ops import instance_masks, mask_views
from clearsight.ops.instance_masks import Window
from clearsight.ops.mask_pasting import numbered
from clearsight.prediction.decisions import with_decision
from clearsight.prediction.inputs import View
from clearsight.prediction.videos import DrawnVideo
from clearsight.types import Decision, Detections, InstanceDetections, Masks, Picture, Prediction, Segmentation

WAITING = 32  # pictures drawn behind the prediction
LARGE_PIXELS = 32_000_000  # pictures from here on are drawn smaller, their longer side at most
DRAWN_PX = 4096


@dataclass(frozen=True)
class _Job:
    """A drawing in progress, and the video it is a frame of."""

    drawn: Future[Any]
    video: DrawnVideo | None = None
    time_s: float = 0.0


class Drawings:
    """Draws while predicting, by threads, into ``overlays/``, ``masks/``, ``pictures/`` and ``crops/`` of a folder.

    Pictures made of the frames of a video are a video too. ``about`` is what files that show pictures made by the
    network say of it.
    """

    def __init__(
        self, folder: Path, class_names: Sequence[str], *, overlays: bool, crops: bool, about: Mapping[str, Any]
    ) -> None:
        self.folder, self.class_names, self.overlays, self.crops = folder, class_names, overlays, crops
        self.about = about
        self.jobs: deque[_Job] = deque()
        self.videos: dict[str, tuple[str, str, DrawnVideo]] = {}  # by folder: the clip, its file, what is drawn of it

    def __enter__(self) -> Self:
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="draw")
        for name, wanted in (("overlays", self.overlays), ("crops", self.crops)):
            if wanted:
                (self.folder / name).mkdir()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._finish(0)
            self._end_videos()
        self.pool.shutdown(wait=True, cancel_futures=kind is not None)
        for _name, _file, video in self.videos.values():
            if kind is not None and video.writer is not None:
                video.writer.release()

    def add(self, view: View, prediction: Prediction, decision: Decision | None = None) -> None:
        """Draw one prediction, later; objects are cut out at once, while the picture is there.

        A decision is written below the overlay.
        """
        if self.crops and isinstance(prediction, Detections):
            cut_out(view.image, prediction, self.class_names, self.folder / "crops" / view.seen.name)
        if not self.overlays and not isinstance(prediction, Segmentation | InstanceDetections | Picture):
            return
        self._finish(WAITING - 1)
        large = view.image.shape[1] * view.image.shape[2] > LARGE_PIXELS
        self._save_pixels(view, prediction, now=large)
        if not self.overlays:
            return
        image = view.image
        if large:
            factor = -(-max(image.shape[1:]) // DRAWN_PX)
            image, prediction = reduced(image, factor), smaller(prediction, factor)
        self._draw(view, image, prediction, decision)

    def _save_pixels(self, view: View, prediction: Prediction, now: bool) -> None:
        """Save what is as large as the picture: masks, or the picture that was made of it."""
        path = self.folder / ("pictures" if isinstance(prediction, Picture) else "masks") / f"{view.seen.name}.png"
        job: Future[Any]
        video = None
        if isinstance(prediction, Segmentation):
            job = self.pool.submit(_save_map, path, prediction.labels, len(self.class_names))
        elif isinstance(prediction, InstanceDetections):
            job = self.pool.submit(_save_instances, path, prediction.masks)
        elif isinstance(prediction, Picture):
            job = self.pool.submit(_save_picture, path, prediction, {**self.about, **_origin(view)})
            video = self._video("pictures", view)
        else:
            return
        self.jobs.append(_Job(job, video, view.seen.time_s or 0.0))
        if now:
            self._finish(0)

    def _draw(self, view: View, image: Tensor, prediction: Prediction, decision: Decision | None) -> None:
        seen, about = view.seen, {**self.about, **_origin(view)}
        path = self.folder / "overlays" / f"{seen.name}.jpg" if seen.frame is None else None
        job = self.pool.submit(self._overlay, image, prediction, path, decision, about)
        self.jobs.append(_Job(job, self._video("overlays", view), seen.time_s or 0.0))

    def _video(self, folder: str, view: View) -> DrawnVideo | None:
        """The video in that folder of which the picture is a frame; None where it is none. A former one is ended."""
        clip = view.seen.clip
        if clip is None:
            return None
        if any(former != clip for former, *_ in self.videos.values()):
            self._finish(0)
            self._end_videos()
        if folder not in self.videos:
            path = self.folder / folder / f"{clip}.mp4"
            path.parent.mkdir(exist_ok=True)
            self.videos[folder] = (clip, str(_origin(view)["made_from"]), DrawnVideo(path))
        return self.videos[folder][2]

    def _overlay(
        self, image: Tensor, prediction: Prediction, path: Path | None, decision: Decision | None,
        about: Mapping[str, Any],
    ) -> Image.Image | None:  # fmt: skip
        drawn = drawing.overlay(prediction, image, self.class_names, at_least_px=1)
        if decision is not None:
            drawn = with_decision(drawn, decision, frame=path is None)
        if path is None:
            return drawn
        if isinstance(prediction, Picture):
            path.write_bytes(jpeg(drawn, about, FROM_A_PICTURE))
        else:
            drawn.save(path, "JPEG", quality=90)
        return None

    def _finish(self, left: int) -> None:
        """Wait until at most ``left`` drawings are in progress; frames go to their videos in order."""
        while len(self.jobs) > left:
            job = self.jobs.popleft()
            drawn = job.drawn.result()
            if job.video is not None and drawn is not None:
                job.video.add(job.time_s, drawn)

    def _end_videos(self) -> None:
        for _, made_from, video in self.videos.values():
            video.close()
            if self.about and video.written:
                mark_film(video.path, {**self.about, "made_from": made_from}, FROM_A_PICTURE)
        self.videos = {}


def smaller(prediction: Prediction, factor: int) -> Prediction:
    """A prediction on the picture downscaled by ``factor`` (see ``tiles.reduced``), for drawing."""
    if isinstance(prediction, Segmentation):
        height, width = (side // factor for side in prediction.labels.shape)
        labels, confidence = (
            one[factor // 2 :: factor, factor // 2 :: factor][:height, :width]
            for one in (prediction.labels, prediction.confidence)
        )
        return Segmentation(labels=labels, confidence=confidence)
    if isinstance(prediction, Picture):
        return Picture(image=reduced(drawing.in_bytes(prediction), factor).float() / 255)
    if isinstance(prediction, InstanceDetections):
        down, across = (np.arange(side // factor) * factor + factor // 2 for side in prediction.masks.size)
        masks = mask_views.resampled(prediction.masks, down, across)
        return replace(prediction, xyxy=prediction.xyxy / factor, masks=masks)
    if isinstance(prediction, Detections):
        return replace(prediction, xyxy=prediction.xyxy / factor)
    return prediction


def cut_out(image: UInt8[Tensor, "3 h w"], found: Detections, class_names: Sequence[str], stem: Path) -> None:
    """Save every object as ``STEM-number-class-score``: JPEG, or PNG that is transparent where its mask is not."""
    stem.parent.mkdir(exist_ok=True)
    height, width = image.shape[1:]
    parts = instance_masks.crops(found.masks) if isinstance(found, InstanceDetections) else repeat(None, len(found))
    rows = zip(found.xyxy.tolist(), found.labels.tolist(), found.scores.tolist(), parts, strict=True)
    for number, (box, label, score, part) in enumerate(rows, 1):
        x1, y1 = (max(0, int(np.floor(side))) for side in box[:2])
        x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
        if x2 <= x1 or y2 <= y1:
            continue
        picture = drawing.picture_of(image[:, y1:y2, x1:x2])
        path = stem.with_name(f"{stem.name}-{number:03d}-{file_word(class_names[label])}-{score:.2f}")
        if part is None:
            picture.save(f"{path}.jpg", "JPEG", quality=95)
        else:
            picture.putalpha(Image.fromarray(_opacity(*part, (x1, y1, x2, y2))))
            picture.save(f"{path}.png", "PNG")


def _opacity(window: Window, crop: Bool[np.ndarray, "_h _w"], box: Window) -> UInt8[np.ndarray, "_H _W"]:
    """255 where an object is and 0 elsewhere, within a box of whole pixels; ``crop`` are its pixels in ``window``."""
    canvas = np.zeros((box[3] - box[1], box[2] - box[0]), dtype=np.uint8)
    x1, y1 = max(box[0], window[0]), max(box[1], window[1])
    x2, y2 = min(box[2], window[2]), min(box[3], window[3])
    if x1 < x2 and y1 < y2:
        seen = crop[y1 - window[1] : y2 - window[1], x1 - window[0] : x2 - window[0]]
        canvas[y1 - box[1] : y2 - box[1], x1 - box[0] : x2 - box[0]] = seen * 255
    return canvas


def file_word(name: str) -> str:
    """A class name as a part of a file's name: letters, digits, ``_`` and ``-``, at most 40 of them."""
    return re.sub(r"[^\w-]+", "_", name)[:40].strip("_") or "object"


def instance_ids(masks: Masks) -> UInt16[np.ndarray, "h w"]:
    """The number, from 1, of the object at every pixel, 0 where there is none; the first is on top."""
    return numbered(list(instance_masks.crops(masks)), masks.size)


def _save_map(path: Path, labels: Tensor, classes: int) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    drawing.class_map_picture(labels, classes).save(path)


def _save_instances(path: Path, masks: Masks) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(instance_ids(masks)).save(path)


def _save_picture(path: Path, prediction: Picture, about: Mapping[str, Any]) -> Image.Image:
    path.parent.mkdir(exist_ok=True, parents=True)
    picture = drawing.picture_of(drawing.in_bytes(prediction))
    path.write_bytes(png(picture, about, FROM_A_PICTURE))
    return picture


def _origin(view: View) -> dict[str, Any]:
    """The picture or frame that another was made of; its file without folders, which are nobody's business."""
    frame = {} if view.seen.frame is None else {"frame": view.seen.frame}
    return {"made_from": Path(view.seen.file_name).name, **frame}
