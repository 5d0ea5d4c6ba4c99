"""Thumbnails and large pictures of an evaluation, made when they are asked for and kept in a bounded memory."""

import threading
from collections.abc import Sequence

from PIL import Image

from clearsight import drawing
from clearsight.browsing.kept import Kept
from clearsight.evaluation.drawn_answers import BESIDE, as_jpeg, deployed_part, in_words
from clearsight.files import encoding
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.sources import PictureDataset
from clearsight.types import Boxes, Dataset, Detections, InstanceDetections, Prediction, Sample

THUMBNAIL_PX, LARGE_PX = 220, 1600
BYTES_KEPT = 32 * 2**20  # some 5,000 thumbnails
SAMPLE_BYTES_KEPT = 64 * 2**20  # a page asks for one picture several times, and large ones take long to decode
PREDICTIONS_KEPT = 32


class Pictures:
    """The pictures of the evaluation, and what each run answers to them."""

    def __init__(self, runs: Sequence[Run], dataset: Dataset):
        self.runs, self.dataset = tuple(runs), dataset
        self._files: Kept[bytes] = Kept(BYTES_KEPT, len)
        self._samples: Kept[Sample] = Kept(SAMPLE_BYTES_KEPT, lambda one: one.image.nbytes)
        self._answers: Kept[Prediction] = Kept(PREDICTIONS_KEPT)
        self._predictors: dict[int, Predictor] = {}
        self._computing = threading.Lock()  # networks and their memory are for one at a time

    def thumbnail(self, row: int) -> bytes:
        """A small JPEG of a picture; raises ValueError where its file is gone or broken."""
        return self._files.of(("thumbnail", row), lambda: encoding.jpeg(self._decoded(row, THUMBNAIL_PX), quality=80))

    def plain(self, row: int) -> bytes:
        """The picture as it is, as JPEG, at most 1,600 px wide or high."""
        return self._files.of(("plain", row), lambda: encoding.jpeg(self._decoded(row, LARGE_PX), quality=90))

    def drawn(self, row: int, run: int) -> bytes:
        """The picture with the answer of a run drawn on it or beside it, as JPEG."""
        return self._files.of(("drawn", row, run), lambda: self._draw(row, run))

    def sample(self, row: int) -> Sample:
        """The picture with its truth."""
        return self._samples.of(row, lambda: self.dataset[row])

    def answer(self, row: int, run: int) -> Prediction | None:
        """What a run says of a picture; None where it has no weights."""
        if not self.runs[run].has_weights:
            return None
        return self._answers.of((row, run), lambda: self._predicted(row, run))

    def shown(self, row: int, run: int) -> Prediction | None:
        """The same, of detections those at or above the deployed threshold."""
        found = self.answer(row, run)
        return None if found is None else deployed_part(found, self.runs[run].config)

    def beside(self, row: int, run: int) -> str:
        """What is beside what in the picture that is drawn; empty for one picture."""
        found = self.answer(row, run)
        return next((words for kind, words in BESIDE.items() if isinstance(found, kind)), "").strip(" ()")

    def has_boxes(self, row: int, run: int) -> bool:
        """Whether the answer is boxes, which a page draws over the plain picture itself."""
        found = self.answer(row, run)
        if found is None:
            return isinstance(self.sample(row).truth, Boxes)
        return isinstance(found, Detections) and not isinstance(found, InstanceDetections)

    def _predicted(self, row: int, run: int) -> Prediction:
        image = self.sample(row).image
        with self._computing:
            if run not in self._predictors:
                self._predictors[run] = trained.predictor(self.runs[run])
            (found,) = self._predictors[run]([image])
        return found

    def _draw(self, row: int, run: int) -> bytes:
        found, sample = self.shown(row, run), self.sample(row)
        if found is None or in_words(found, sample.truth, self.runs[run].config.class_names):
            return self.plain(row)
        names = self.runs[run].config.class_names
        drawn = drawing.overlay(found, sample.image, names, truth=sample.truth, at_least_px=640)
        return as_jpeg(drawn, found, self.runs[run], quality=90)

    def _decoded(self, row: int, most_px: int) -> Image.Image:
        """The picture, its longer side at most ``most_px``; never enlarged."""
        if isinstance(self.dataset, PictureDataset):
            record = self.dataset.records[row]
            longest = max(record.size) if record.size else most_px
            return drawing.picture_of(record.decode(min(most_px, longest)))
        picture = drawing.picture_of(self.sample(row).image)
        picture.thumbnail((most_px, most_px))
        return picture
