"""Overlays: pictures with predictions drawn on them."""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from clearsight.ops import instance_masks
from clearsight.ops.mask_boundaries import eroded
from clearsight.ops.missed import missed as missed
from clearsight.ops.missed import missed_masks as missed_masks
from clearsight.types import (
    IGNORE,
    Abstained,
    Boxes,
    ClassMap,
    Detections,
    Estimate,
    InstanceDetections,
    Instances,
    Label,
    Labels,
    Picture,
    Prediction,
    Scores,
    Segmentation,
    State,
    Truth,
    Value,
)

# Okabe and Ito's palette, distinguishable for colour-blind people too; blue first, since most pictures are warm.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
MISSED = "#ff2d55"
MAX_LABEL_LENGTH = 24


def picture_of(image: UInt8[Tensor, "3 h w"]) -> Image.Image:
    """A tensor as a PIL picture."""
    return Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))


def overlay(
    prediction: Prediction,
    image: UInt8[Tensor, "3 h w"],
    class_names: Sequence[str],
    *,
    truth: Truth = None,
    at_least_px: int = 480,
) -> Image.Image:
    """The picture with the prediction: boxes, masks or classes in their colours, a class or a number as text.

    Of ``truth``, missed objects are dashed, the true class map is drawn beside the predicted one, and a class or number
    is written. Pictures smaller than ``at_least_px`` are magnified, so that the labels can be read.
    """
    return _drawn(prediction, image, class_names, truth, at_least_px)


@singledispatch
def _drawn(
    prediction: Prediction, image: Tensor, class_names: Sequence[str], truth: Truth, at_least_px: int
) -> Image.Image:
    raise TypeError(f"no drawing is defined for a {type(prediction).__name__}")


@_drawn.register
def _(prediction: Detections, image: Tensor, class_names: Sequence[str], truth: Truth, at_least_px: int) -> Image.Image:
    picture, scale = magnified(picture_of(image), at_least_px)
    draw = ImageDraw.Draw(picture, "RGBA")
    line = max(2, round(max(picture.size) / 320))
    font = _font(picture)
    for box in missed(prediction, truth).tolist() if isinstance(truth, Boxes) else []:
        _dashed(draw, [side * scale for side in box], line)
    boxes = (prediction.xyxy * scale).tolist()
    for box, words, colour in reversed(list(zip(boxes, *_labels(prediction, class_names), strict=True))):
        draw.rectangle(box, outline=colour, width=line)  # the best is drawn last, on top
        _tag(draw, box, words, colour, font)
    return picture


@_drawn.register
def _(
    prediction: InstanceDetections, image: Tensor, class_names: Sequence[str], truth: Truth, at_least_px: int
) -> Image.Image:
    picture, scale = magnified(picture_of(image), at_least_px)
    line = max(1, round(max(picture.size) / 500))
    pixels = np.array(picture)
    words, colours = _labels(prediction, class_names)
    parts = [_enlarged(window, crop, scale) for window, crop in instance_masks.crops(prediction.masks)]
    for (at, crop), colour in reversed(list(zip(parts, colours, strict=True))):
        _tint(pixels[at], crop, colour, 0.4)
    for (at, crop), colour in reversed(list(zip(parts, colours, strict=True))):
        _tint(pixels[at], crop & ~eroded(crop, line), colour, 1.0)
    if isinstance(truth, Instances):
        for window, crop in instance_masks.crops(missed_masks(prediction, truth)):
            at, crop = _enlarged(window, crop, scale)
            dashes = np.add.outer(np.arange(len(crop)), np.arange(crop.shape[1])) // (6 * line) % 2 == 0
            _tint(pixels[at], crop & ~eroded(crop, 2 * line) & dashes, MISSED, 1.0)
    picture = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(picture, "RGBA"), _font(picture)
    if isinstance(truth, Boxes) and not isinstance(truth, Instances):
        for box in missed(prediction, truth).tolist():
            _dashed(draw, [side * scale for side in box], 2 * line)
    for box, word, colour in reversed(list(zip((prediction.xyxy * scale).tolist(), words, colours, strict=True))):
        _tag(draw, box, word, colour, font)
    return picture


@_drawn.register
def _(
    prediction: Segmentation, image: Tensor, class_names: Sequence[str], truth: Truth, at_least_px: int
) -> Image.Image:
    picture = picture_of(image)
    sheet = _painted(picture, prediction.labels)
    if isinstance(truth, ClassMap):
        sheet = beside(sheet, _painted(picture, truth.labels), max(2, picture.width // 100))
    sheet, _ = magnified(sheet, at_least_px)
    return _with_legend(sheet, sorted(set(prediction.labels.unique().tolist()) - {IGNORE}), class_names)


@_drawn.register
def _(
    prediction: Scores | Abstained | Estimate, image: Tensor, class_names: Sequence[str], truth: Truth, at_least_px: int
) -> Image.Image:
    picture, _ = magnified(picture_of(image), at_least_px)
    lines = [answer_in_words(prediction, class_names)]
    if truth is not None:
        lines.append(f"ground truth: {truth_in_words(truth, class_names)}")
    right = not isinstance(truth, Label) or lines[0].startswith(f"{shown(class_names[truth.index])} ")
    font = _font(picture)
    height = round(1.5 * max(11, round(max(picture.size) / 26)))
    draw = ImageDraw.Draw(picture, "RGBA")
    for number, words in enumerate(lines):
        top = number * height
        draw.rectangle((0, top, picture.width, top + height), fill="#000000b0")
        draw.text((6, top + height // 5), words, fill="white" if right or number else "#ff9f9f", font=font)
    return picture


@_drawn.register
def _(prediction: Picture, image: Tensor, class_names: Sequence[str], truth: Truth, at_least_px: int) -> Image.Image:
    """What was given (pixels as squares where there were fewer), what was made, and the original where it is known."""
    factor = max(1, prediction.image.shape[1] // image.shape[1])
    given = image.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    sheet = beside(picture_of(given), picture_of(in_bytes(prediction)), gap := max(2, given.shape[2] // 50))
    if isinstance(truth, Picture):
        sheet = beside(sheet, picture_of(in_bytes(truth)), gap)
    return magnified(sheet, at_least_px)[0]


def in_bytes(picture: Picture) -> UInt8[Tensor, "3 h w"]:
    """A picture in [0, 1] in whole numbers, as a file holds it."""
    return (picture.image.clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def beside(one: Image.Image, other: Image.Image, gap: int) -> Image.Image:
    """Two pictures of one height side by side on white, ``gap`` px apart."""
    sheet = Image.new("RGB", (one.width + gap + other.width, max(one.height, other.height)), "white")
    sheet.paste(one, (0, 0))
    sheet.paste(other, (one.width + gap, 0))
    return sheet


def under_heat(image: UInt8[Tensor, "3 h w"], heat: Float[Tensor, "a b"], size: tuple[int, int]) -> Image.Image:
    """The picture, resized to ``size`` (width, height), under a heat map: bright where the heat is high."""
    grey = picture_of(image).convert("L").resize(size)
    warmth = Image.fromarray((heat.clamp(0, 1) * 255).to(torch.uint8).cpu().numpy()).resize(
        size, Image.Resampling.BILINEAR
    )
    level, base = np.asarray(warmth, dtype=np.float32)[..., None] / 255, np.asarray(grey, dtype=np.float32)[..., None]
    # Black to orange to white through the palette's own orange, so that it reads in print and to the colour-blind.
    hot = np.array(ImageColor.getrgb("#e69f00"), dtype=np.float32) * level + 255 * np.maximum(0, level - 0.8) * 2
    mixed = np.clip(base * (0.65 - 0.35 * level) + hot * 0.8, 0, 255)
    return Image.fromarray(mixed.astype(np.uint8))


def magnified(picture: Image.Image, at_least_px: int) -> tuple[Image.Image, int]:
    """The picture a whole number of times larger, so that its longer side is about ``at_least_px``; and that number."""
    scale = max(1, round(at_least_px / max(picture.size)))
    if scale == 1:
        return picture, 1
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST), scale


def answer_in_words(prediction: Prediction, class_names: Sequence[str]) -> str:
    """A short line: the most probable classes with their probabilities, or the number."""
    if isinstance(prediction, Estimate | Abstained):
        return f"{prediction.value:.4g}" if isinstance(prediction, Estimate) else f"no answer: {prediction.reason}"
    assert isinstance(prediction, Scores)
    values, labels = (one.tolist() for one in prediction.probabilities.topk(min(3, len(class_names))))
    return "  ".join(f"{shown(class_names[label])} {value:.2f}" for value, label in zip(values, labels, strict=True))


def truth_in_words(truth: Truth, class_names: Sequence[str]) -> str:
    """The same for a truth."""
    if isinstance(truth, Label):
        return shown(class_names[truth.index])
    if isinstance(truth, Labels):
        present = (truth.states == State.PRESENT).nonzero().flatten().tolist()
        return ", ".join(shown(class_names[label]) for label in present) or "nothing present"
    return f"{truth.value:.4g}" if isinstance(truth, Value) else ""


def palette(classes: int) -> list[int]:
    """Colours of class maps, ``r g b`` after each other, 256 of them: seven distinct ones, then their shades."""
    colours = [ImageColor.getrgb(colour) for colour in COLOURS]
    shades = [(colours[label % len(colours)][:3], 1.0 - 0.3 * (label // len(colours) % 3)) for label in range(classes)]
    table = [round(channel * shade) for colour, shade in shades for channel in colour]
    return (table + [0] * 768)[:768]


def class_map_picture(labels: UInt8[Tensor, "h w"], classes: int) -> Image.Image:
    """A class map as a PNG picture of class ids with a palette (mode P)."""
    picture = Image.fromarray(np.ascontiguousarray(labels.numpy())).convert("L")
    picture.putpalette(palette(classes))
    return picture


def _painted(picture: Image.Image, labels: UInt8[Tensor, "h w"]) -> Image.Image:
    """The picture under the colours of a class map; ignored pixels keep their own."""
    known = int(labels[labels != IGNORE].max()) + 1 if bool((labels != IGNORE).any()) else 1
    colours = np.array(palette(known), dtype=np.float32).reshape(256, 3)
    mask = labels.numpy()
    own = np.asarray(picture, dtype=np.float32)
    mixed = np.where((mask == IGNORE)[..., None], own, 0.45 * own + 0.55 * colours[mask])
    return Image.fromarray(mixed.astype(np.uint8))


def _with_legend(sheet: Image.Image, labels: Sequence[int], class_names: Sequence[str]) -> Image.Image:
    """The sheet with a row of class names in their colours below it."""
    font = _font(sheet)
    height = round(1.6 * max(11, round(max(sheet.size) / 44)))
    whole = Image.new("RGB", (sheet.width, sheet.height + height * 2), "white")
    whole.paste(sheet, (0, 0))
    draw = ImageDraw.Draw(whole)
    colours = palette(max(labels, default=0) + 1)
    x, y = 4, sheet.height + 3
    for label in labels:
        words = shown(class_names[label])
        width = round(draw.textlength(words, font=font)) + height
        if x + width > whole.width and y == sheet.height + 3:
            x, y = 4, y + height
        draw.rectangle((x, y + 2, x + height // 2, y + 2 + height // 2), fill=tuple(colours[3 * label : 3 * label + 3]))
        draw.text((x + height // 2 + 4, y), words, fill="black", font=font)
        x += width + 6
    return whole


def _font(picture: Image.Image) -> Font:
    return ImageFont.load_default(max(11, round(max(picture.size) / 44)))


def shown(name: str) -> str:
    """A class name as one short line without control characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return line if len(line) <= MAX_LABEL_LENGTH else line[: MAX_LABEL_LENGTH - 1] + "…"


def _labels(prediction: Detections, class_names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The label of each detection, without its score where there are many, and its colour."""
    crowded = len(prediction) > 12
    pairs = list(zip(prediction.labels.tolist(), prediction.scores.tolist(), strict=True))
    words = [shown(class_names[label]) + ("" if crowded else f" {score:.2f}") for label, score in pairs]
    return words, [COLOURS[label % len(COLOURS)] for label, _ in pairs]


def _enlarged(
    window: instance_masks.Window, crop: Bool[np.ndarray, "_h _w"], scale: int
) -> tuple[tuple[slice, slice], Bool[np.ndarray, "_a _b"]]:
    """The window and its mask in a magnified picture."""
    x1, y1, x2, y2 = (scale * side for side in window)
    return (slice(y1, y2), slice(x1, x2)), crop.repeat(scale, axis=0).repeat(scale, axis=1)


def _tint(pixels: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], colour: str, share: float) -> None:
    """Mix a colour into the pixels of a mask, in place."""
    own = pixels[mask]
    pixels[mask] = (own + (np.array(ImageColor.getrgb(colour), dtype=np.float32) - own) * share).astype(np.uint8)


def _tag(draw: ImageDraw.ImageDraw, box: list[float], words: str, colour: str, font: Font) -> None:
    left, top, right, bottom = draw.textbbox((0, 0), words, font=font)
    x, y = box[0], max(0.0, box[1] - (bottom - top) - 5)
    x = max(0.0, min(x, draw.im.size[0] - (right - left) - 7))
    draw.rectangle((x, y, x + right - left + 6, y + bottom - top + 5), fill=colour + "d8")
    draw.text((x + 3 - left, y + 2 - top), words, fill=_text_colour(colour), font=font)


def _text_colour(colour: str) -> str:
    """Black or white, whichever has more contrast with a colour (Rec. 601 luma)."""
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
