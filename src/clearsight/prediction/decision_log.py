"""What a model answered on each picture, when, and as which model: one line of a log for each (``files.chain``)."""

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearsight.files import chain
from clearsight.prediction.inputs import View
from clearsight.run import Run

# Of a row: what it answers. Probabilities of every class, and masks as long as the picture is large, are left out.
ANSWERS = ("class", "labels", "value", "shares", "category_name", "bbox", "score", "mean_confidence")


class DecisionLog:
    """Appends to a log; every line is on the disk when ``add`` returns.

    A line holds ``time`` (UTC), ``run`` (the folder's name), ``weights`` and ``settings`` (SHA-256 of
    weights.safetensors and run.json), ``picture`` (the file as it was named) and of a video ``frame`` and ``time_s``;
    ``picture_sha256`` of the file, or of a frame ``pixels_sha256``; ``answer``, ``confidence``, ``decision``
    ("decided", "to a person", or None where no policy was in force) and ``reason``.
    """

    def __init__(self, path: Path, run: Run) -> None:
        """Raises ValueError where there is no such folder, or the log is damaged: before anything is predicted."""
        if not path.parent.is_dir():
            raise ValueError(f"{path.parent} is no folder. Expected an existing one for the log: choose it with --log.")
        if path.exists() and (found := chain.check(path)).problem:
            raise ValueError(f"nothing is appended to {path}: {found.problem} Begin another log with --log.")
        self.path = path
        self.model = {
            "run": run.name,
            "weights": _file(run.path / "weights.safetensors"),
            "settings": _file(run.path / "run.json"),
        }

    def add(self, view: View, rows: Sequence[Mapping[str, Any]]) -> None:
        """Log the answer on one picture, given as its rows (see ``plain_rows.rows``)."""
        self._append(_picture(view), rows)

    def add_upload(self, name: str, content: bytes, rows: Sequence[Mapping[str, Any]]) -> None:
        """Log the answer on a picture that was sent, and has no file here: its name and its bytes."""
        self._append({"picture": name, "picture_sha256": hashlib.sha256(content).hexdigest()}, rows)

    def _append(self, picture: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        chain.append(self.path, {"time": now, **self.model, **picture, **decided(rows)})


def decided(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answer in rows of a picture, the highest confidence among them, and who decided, with the reason."""
    answers = ({name: row[name] for name in ANSWERS if name in row} for row in rows)
    # A picture without objects has a row of its decision alone.
    answer = [one for one in answers if one]
    confidences = [row[name] for row in rows for name in ("score", "mean_confidence") if row.get(name) is not None]
    first = rows[0] if rows else {}
    abstained = first.get("abstained") or ""
    return {
        "answer": answer,
        "confidence": max(confidences, default=None),
        "decision": "to a person" if abstained else first.get("decision"),
        "reason": abstained or first.get("reason") or "",
    }


def _picture(view: View) -> dict[str, Any]:
    seen = view.seen
    if seen.frame is None:
        return {"picture": seen.file_name, "picture_sha256": _file(Path(seen.file_name))}
    # A frame has no file of its own: the pixels the model was shown, height, width and RGB.
    pixels = hashlib.sha256(repr(seen.size).encode() + view.image.permute(1, 2, 0).contiguous().numpy().tobytes())
    about = {"frame": seen.frame, "time_s": seen.time_s}
    return {"picture": seen.file_name, **about, "pixels_sha256": pixels.hexdigest()}


def _file(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"cannot read {path} for the log: {error.strerror or error}.") from error
