"""Whether each picture is unlike the training pictures, said while a network predicts them.

Apart from ``strangers``, which fits and judges what is asked here, because ``predict`` needs none of that.
"""

import contextlib
from collections import deque
from collections.abc import Iterator

from torch import Tensor

from clearsight.evaluation.alike import pooled_features
from clearsight.inference.familiarity import Familiarity, Likeness
from clearsight.inference.predictor import Predictor
from clearsight.loading import familiarity
from clearsight.run import Run


class Likenesses:
    """Says of one picture after the other whether it is unlike the training pictures, while a network predicts them."""

    def __init__(self, kept: Familiarity | None, features: list[Tensor]) -> None:
        """``features`` are appended to, batch by batch, as the network predicts."""
        self._kept, self._features, self.unlike = kept, features, 0
        self._waiting: deque[Likeness] = deque()

    def next(self) -> Likeness | None:
        """What is said of the next picture; None where nothing is kept to tell it by."""
        while self._kept is not None and self._features:
            marks, scores = self._kept.unlike(self._features.pop(0).numpy())
            pairs = zip(marks.tolist(), scores.tolist(), strict=True)
            self._waiting.extend(Likeness(score=score, unlike=mark) for mark, score in pairs)
        found = self._waiting.popleft() if self._waiting else None
        self.unlike += found is not None and found.unlike
        return found

    def lines(self, pictures: int) -> list[tuple[str, str]]:
        """How many of so many pictures were unlike, as a line of a tally; none where none was."""
        return [("unlike the training pictures", f"{self.unlike} of {pictures}")] if self.unlike else []


@contextlib.contextmanager
def likenesses_of(predictor: Predictor, run: Run, *, windows: bool) -> Iterator[Likenesses]:
    """Likenesses of the pictures that are predicted in the block; of windows of pictures nothing is said."""
    kept = None if windows else familiarity.kept(run)
    if kept is None:
        yield Likenesses(None, [])
        return
    with pooled_features(predictor.model) as features:
        yield Likenesses(kept, features)
