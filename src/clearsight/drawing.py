"""Pictures with what was found on them, for people to look at."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from clearsight.ops import boxes as box_ops
from clearsight.types import Boxes, Prediction, Truth

# Okabe and Ito's palette, told apart by colour-blind people too; blue first, since most pictures are warm.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
MISSED = "#ff2d55"
LABEL_LONGEST = 24


def picture_of(image: UInt8[Tensor, "3 h w"]) -> Image.Image:
    """A tensor as a PIL picture."""
    return Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))


def overlay(
    image: UInt8[Tensor, "3 h w"],
    prediction: Prediction,
    class_names: Sequence[str],
    *,
    truth: Truth = None,
    at_least_px: int = 480,
) -> Image.Image:
    """The picture with each found box in the colour of its class; objects of ``truth`` nobody found are dashed.

    Pictures smaller than ``at_least_px`` are magnified, so that the labels can be read.
    """
    picture = picture_of(image)
    scale = max(1, round(at_least_px / max(picture.size)))
    if scale > 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture, "RGBA")
    line = max(2, round(max(picture.size) / 320))
    font = ImageFont.load_default(max(11, round(max(picture.size) / 44)))
    for box in missed(prediction, truth).tolist() if truth is not None else []:
        _dashed(draw, [side * scale for side in box], line)
    rows = zip(prediction.xyxy.tolist(), prediction.labels.tolist(), prediction.scores.tolist(), strict=True)
    crowded = len(prediction) > 12
    for box, label, score in reversed(list(rows)):  # the best is drawn last, on top
        colour = COLOURS[label % len(COLOURS)]
        box = [side * scale for side in box]
        draw.rectangle(box, outline=colour, width=line)
        words = shown(class_names[label]) if crowded else f"{shown(class_names[label])} {score:.2f}"
        _tag(draw, box, words, colour, font)
    return picture


def missed(prediction: Prediction, truth: Boxes) -> Tensor:
    """Judged true boxes ``n 4`` that no detection of their class overlaps by half or more."""
    judged = ~truth.ignored
    xyxy, labels = truth.xyxy[judged], truth.labels[judged]
    if not len(prediction):
        return xyxy
    overlap = box_ops.iou(xyxy[:, None], prediction.xyxy[None])
    same = labels[:, None] == prediction.labels[None]
    return xyxy[~((overlap >= 0.5) & same).any(1)]


def shown(name: str) -> str:
    """A class name as one short line without control characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return line if len(line) <= LABEL_LONGEST else line[: LABEL_LONGEST - 1] + "…"


def _tag(draw: ImageDraw.ImageDraw, box: list[float], words: str, colour: str, font: Font) -> None:
    left, top, right, bottom = draw.textbbox((0, 0), words, font=font)
    x, y = box[0], max(0.0, box[1] - (bottom - top) - 5)
    x = max(0.0, min(x, draw.im.size[0] - (right - left) - 7))
    draw.rectangle((x, y, x + right - left + 6, y + bottom - top + 5), fill=colour + "d8")
    draw.text((x + 3 - left, y + 2 - top), words, fill=_ink(colour), font=font)


def _ink(colour: str) -> str:
    """Black or white, whichever stands out more on a colour (Rec. 601 luma)."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def _dashed(draw: ImageDraw.ImageDraw, box: list[float], width: int) -> None:
    x1, y1, x2, y2 = box
    dash = 4 * width
    for x in np.arange(x1, x2, 2 * dash):
        for y in (y1, y2):
            draw.line((x, y, min(x + dash, x2), y), fill=MISSED, width=width)
    for y in np.arange(y1, y2, 2 * dash):
        for x in (x1, x2):
            draw.line((x, y, x, min(y + dash, y2)), fill=MISSED, width=width)
