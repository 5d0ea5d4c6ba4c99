"""Measures and draws the checkerboard of transposed convolution: ``python docs/checkerboard.py [PICTURE]``.

Prints a table and writes docs/pictures/checkerboard.png. Seconds on one core; the same numbers on every run.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

SEEDS = 40
SIDE = 24
TARGET = Path(__file__).parent / "pictures" / "checkerboard.png"


class Resize(nn.Module):
    """Nearest-neighbour enlargement by 2, then a 3 x 3 convolution."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of twice the size."""
        return self.convolution(nn.functional.interpolate(maps, scale_factor=2, mode="nearest"))


def transposed(kernel: int):
    """The maker of a transposed convolution of that kernel and stride 2, of twice the size."""
    padding, extra = (1, 1) if kernel == 3 else (1, 0)
    return lambda inner, outer: nn.ConvTranspose2d(inner, outer, kernel, 2, padding, extra, bias=False)


WAYS = {
    "transposed, kernel 3": transposed(3),
    "transposed, kernel 4": transposed(4),
    "resize, then kernel 3": Resize,
}


def stride_energy(maps: Tensor) -> float:
    """The share of the variance at the stride's own frequencies (0.5 per pixel, along either axis or both)."""
    inside = maps[..., 8:-8, 8:-8].double()
    spectrum = torch.fft.fft2(inside - inside.mean((-2, -1), keepdim=True)).abs().square()
    height, width = inside.shape[-2] // 2, inside.shape[-1] // 2
    at_stride = spectrum[..., height, 0] + spectrum[..., 0, width] + spectrum[..., height, width]
    return float((at_stride / spectrum.sum((-2, -1)).clamp(min=1e-20)).mean())


def contrast(maps: Tensor) -> float:
    """The standard deviation over the root of the mean square, away from the border: 0 is flat."""
    inside = maps[..., 8:-8, 8:-8].double()
    return float(inside.std(correction=0) / inside.square().mean().sqrt().clamp(min=1e-20))


def unevenness(layer: nn.Module) -> float:
    """How much the number of inputs an output pixel sees differs between pixels: standard deviation over mean."""
    for weight in layer.parameters():
        nn.init.ones_(weight)
    counts = layer(torch.ones(1, 1, SIDE, SIDE)).detach()[..., 8:-8, 8:-8]
    return float(counts.std() / counts.mean())


def two_layers(make, seed: int) -> nn.Sequential:
    """Two enlargements with random weights and a rectifier between."""
    torch.manual_seed(seed)
    return nn.Sequential(make(8, 8), nn.ReLU(), make(8, 1))


def output(make, seed: int) -> Tensor:
    """What the layers make of a constant input: any pattern is their own."""
    with torch.no_grad():
        return two_layers(make, seed)(torch.ones(1, 8, SIDE, SIDE))[0, 0]


def gradient(make, seed: int) -> Tensor:
    """What a stride-2 convolution of the same kernel, the mirror image of the layer, sends back to its input."""
    torch.manual_seed(seed)
    kernel = 4 if make is WAYS["transposed, kernel 4"] else 3
    if make is Resize:
        layer: nn.Module = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.AvgPool2d(2))
    else:
        layer = nn.Conv2d(1, 8, kernel, 2, 1, bias=False)
    picture = torch.zeros(1, 1, 4 * SIDE, 4 * SIDE, requires_grad=True)
    layer(picture).sum().backward()
    assert picture.grad is not None
    return picture.grad[0, 0]


def tile(maps: Tensor, side: int = 32, scale: int = 8) -> Image.Image:
    """The middle of a map as grey, its own range from black to white; a flat map is mid-grey."""
    top, left = ((length - side) // 2 for length in maps.shape)
    part = maps[top : top + side, left : left + side].double().numpy()
    spread = np.ptp(part)
    grey = (part - part.min()) / spread if spread > 1e-5 * max(1e-3, np.abs(part).max()) else np.full(part.shape, 0.5)
    image = Image.fromarray((grey * 255).round().astype(np.uint8))
    return image.resize((side * scale, side * scale), Image.Resampling.NEAREST)


def main(target: Path) -> None:
    """Print the measurements and draw the picture."""
    print(f"{'':24}{'unevenness':>12}{'output':>10}{'energy at 0.5':>16}{'gradient':>10}")
    edge, line = 12, 22
    sheet = Image.new("RGB", (3 * (256 + edge) + edge, 2 * (256 + line) + edge + line), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((edge, 6), "top: output for a constant input; bottom: gradient of a sum over outputs", fill="black")
    for column, (name, make) in enumerate(WAYS.items()):
        outputs = [output(make, seed) for seed in range(SEEDS)]
        gradients = [gradient(make, seed) for seed in range(SEEDS)]
        numbers = [contrast(maps[seed]) for maps in (outputs, gradients) for seed in range(SEEDS)]
        of_output, of_gradient = np.mean(numbers[:SEEDS]), np.mean(numbers[SEEDS:])
        energy = np.mean([stride_energy(each) for each in outputs])
        print(f"{name:24}{unevenness(make(1, 1)):12.3f}{of_output:10.3f}{energy:16.3f}{of_gradient:10.3f}")
        x = edge + column * (256 + edge)
        for row, maps in enumerate((outputs[1], gradients[1])):
            y = line + row * (256 + line)
            pen.text((x, y + 4), name, fill="black")
            sheet.paste(tile(maps), (x, y + line))
    target.parent.mkdir(exist_ok=True)
    sheet.save(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
