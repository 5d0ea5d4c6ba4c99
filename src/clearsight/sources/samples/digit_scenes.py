"""Drawing for the embedded scenes: paper, stains and scribbles, digits in ink, and the photograph of it all.

Pages are float ``3 h w`` in [0, 1]; ink is float ``h w``, the share of the paper it covers.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from clearsight.types import Size

Page = Float[np.ndarray, "3 h w"]
Ink = Float[np.ndarray, "h w"]

PENS = np.array([[0.07, 0.08, 0.12], [0.06, 0.10, 0.30], [0.20, 0.08, 0.07], [0.05, 0.18, 0.14]], dtype=np.float32)
PENCIL = np.array([0.32, 0.32, 0.34], dtype=np.float32)


def blank(size: Size, random: np.random.Generator) -> Page:
    """A sheet in uneven light: warm white, darker to one side, blotched."""
    height, width = size
    colour = np.array([0.93, 0.91, 0.86]) + random.uniform(-0.05, 0.05) + random.uniform(-0.025, 0.025, 3)
    slope = random.uniform(-0.10, 0.10, 2)
    light = slope[0] * np.linspace(-1, 1, height)[:, None] + slope[1] * np.linspace(-1, 1, width)
    page = (1 + light + 0.05 * _blotches(size, 6, random)).astype(np.float32)
    return page * colour.astype(np.float32)[:, None, None]


def cluttered(page: Page, random: np.random.Generator) -> Page:
    """The sheet with ruled lines or squares, a few scribbles, and a stain."""
    height, width = page.shape[1:]
    layer = Image.new("L", (2 * width, 2 * height))
    draw = ImageDraw.Draw(layer)
    if random.random() < 0.6:
        _ruled(draw, layer.size, random)
    for _ in range(random.integers(2, 6)):
        _scribble(draw, layer.size, random)
    lines = np.asarray(layer.resize((width, height), Image.Resampling.BOX), dtype=np.float32) / 255
    colour = PENS[random.integers(len(PENS))] if random.random() < 0.5 else PENCIL
    page = _covered(page, lines, colour)
    stain = np.clip(_blotches((height, width), 4, random) - 0.55, 0, 1) * random.uniform(0.2, 0.6)
    return _covered(page, stain.astype(np.float32), np.array([0.55, 0.42, 0.25], dtype=np.float32))


def enlarged(digit: UInt8[np.ndarray, "8 8"], height: float, degrees: float, random: np.random.Generator) -> Ink:
    """A digit drawn ``height`` px high, turned and slanted a little, its strokes smooth; cut to its ink."""
    scale = height / 8
    angle, slant, stretch = np.deg2rad(degrees), random.uniform(-0.2, 0.2), random.uniform(0.85, 1.15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = np.linalg.inv(scale * turn @ np.array([[stretch, slant], [0, 1]]))
    side = int(np.ceil(height * 1.5))
    # The margin lets strokes that touch the border of the 8 x 8 pixels end softly.
    padded = Image.fromarray(np.pad(digit, 2))
    offset = 6 - back @ np.array([side / 2, side / 2])
    cells = (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1])
    drawn = padded.transform((side, side), Image.Transform.AFFINE, cells, Image.Resampling.BICUBIC)
    rise = np.clip((np.asarray(drawn, dtype=np.float32) / 255 - 0.25) / 0.4, 0, 1)
    ink = rise * rise * (3 - 2 * rise)
    rows, columns = np.flatnonzero((ink > 0.02).any(1)), np.flatnonzero((ink > 0.02).any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def inked(page: Page, strokes: Float[np.ndarray, "n h w"], faint: bool, random: np.random.Generator) -> Page:
    """The page with the digits written on it: by pen, or so faintly that it is hardly darker than the paper."""
    colour = PENCIL if faint else PENS[random.integers(len(PENS))]
    strength = random.uniform(0.14, 0.30) if faint else random.uniform(0.70, 0.95)
    each = strength * random.uniform(0.85, 1.1, len(strokes)).astype(np.float32)
    ink = (strokes * each[:, None, None]).max(0)
    # Pressure and the paper's grain make no line even.
    grain = 1 - 0.25 * np.clip(_blotches(ink.shape, 24, random), 0, 1).astype(np.float32)
    return _covered(page, np.clip(ink * grain, 0, 1), colour)


def photographed(page: Page, random: np.random.Generator) -> UInt8[np.ndarray, "3 h w"]:
    """The page as a camera gives it: with noise, as RGB bytes."""
    noise = random.standard_normal(page.shape[1:], dtype=np.float32) * np.float32(random.uniform(0.008, 0.03))
    return (np.clip(page + noise, 0, 1) * 255 + 0.5).astype(np.uint8)


def _covered(page: Page, ink: Ink, colour: Float[np.ndarray, "3"]) -> Page:
    return page + ink * (colour[:, None, None] - page)


def _blotches(size: Size, cells: int, random: np.random.Generator) -> Float[np.ndarray, "h w"]:
    """Smooth noise of mean 0, about ``cells`` blotches across, values within about [-1, 1]."""
    small = Image.fromarray(random.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(small.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _ruled(draw: ImageDraw.ImageDraw, size: tuple[int, int], random: np.random.Generator) -> None:
    gap = int(random.integers(28, 60))
    tone = int(random.integers(30, 90))
    for y in range(int(random.integers(gap)), size[1], gap):
        draw.line([(0, y), (size[0], y)], fill=tone, width=2)
    if random.random() < 0.5:
        for x in range(int(random.integers(gap)), size[0], gap):
            draw.line([(x, 0), (x, size[1])], fill=tone, width=2)


def _scribble(draw: ImageDraw.ImageDraw, size: tuple[int, int], random: np.random.Generator) -> None:
    """One curve through a few wandering points (Bezier), thin, of any strength."""
    start = random.uniform(0, 1, 2) * size
    points = start + np.vstack([np.zeros(2), np.cumsum(random.normal(0, 0.16, (3, 2)), 0)]) * size
    t = np.linspace(0, 1, 18)[:, None]
    curve = (
        (1 - t) ** 3 * points[0] + 3 * t * (1 - t) ** 2 * points[1] + 3 * t**2 * (1 - t) * points[2] + t**3 * points[3]
    )
    tone = int(random.integers(40, 200))
    draw.line([(float(x), float(y)) for x, y in curve], fill=tone, width=int(random.integers(2, 7)), joint="curve")
