"""R-CNN: region proposals by selective search, each warped to one size and classified by a CNN.

After Girshick et al. 2014 ("Rich feature hierarchies"). Selective search proposes regions; each is warped, with a
little of what lies around it, to one small square; the trunk turns the square into features; linear classifiers, one
for each class, score them, and linear regressors, one for each class, correct the box (appendix C). What it teaches is
its price: the network runs once for every region, hundreds of times a picture, after a search of a tenth of a second
or more. Prediction pays that price every time; only training keeps the regions of a picture once found.

It is trained in stages, as shares of the run. For the first ``fine_tuning_share`` the trunk learns to tell classes and
background apart by a softmax over regions, a quarter of which meet an object at IoU 0.5. Then the trunk is frozen, the
softmax forgotten, and classifiers and regressors go on alone; before, they learn beside it, without a say in the
features. What differs from the paper: any trunk, from random weights unless told, with smaller warps; logistic
regression in place of linear SVMs, since a score here is a probability; its positives are regions of IoU 0.7, not the
true boxes alone, which are too few here, and its negatives all those drawn below 0.3, without a search for hard ones;
regressors follow gradients rather than being solved for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torchvision.ops import roi_align

from clearsight.architectures import selective_search
from clearsight.ops import boxes as box_ops
from clearsight.ops.regions import segmentation
from clearsight.types import Backbone, Batch, Boxes, Detections, Losses, Training, Truth

CONTEXT = 16 / (227 - 2 * 16)  # of a region's side on each side of it: 16 of the 227 px of the paper's warps
OBJECT, SURE, ABSENT, NEAR = 0.5, 0.7, 0.3, 0.6  # IoU: fine-tuning; classifier, yes and no; regressor
POSITIVE_SHARE = 0.25
POOLED = 2  # rows and columns of the map that features are read from
CLASS_LENGTH, BOX_LENGTH = 8.0, 2.0  # of the features that classifiers and regressors read
LARGEST_LOG = 4.0  # a corrected side is at most 55 times the region's


@dataclass(frozen=True, kw_only=True)
class RcnnConfig:
    """Settings of an R-CNN: regions are warped to ``warp_px``, and a step learns from ``regions_per_step`` of them.

    Selective search looks at a copy of the picture whose longer side is at most ``search_px`` and keeps at most
    ``max_regions``. For ``fine_tuning_share`` of the run the backbone is fine-tuned. ``warp_brightness`` is the
    strength of the random brightness of the warped regions.
    ``nms_iou_threshold`` is the IoU above which the weaker of two boxes of one class is suppressed, ``max_detections``
    the number of boxes kept per picture, ``score_threshold`` the score below which a box is never kept.
    """

    backbone: str = "regnetx_002"
    warp_px: int = 64
    max_regions: int = 300
    search_px: int = 200
    regions_per_step: int = 64
    fine_tuning_share: float = 0.75
    warp_brightness: float = 0.2
    nms_iou_threshold: float = 0.3
    max_detections: int = 100
    score_threshold: float = 0.01

    def __post_init__(self) -> None:
        for name, least in (
            ("warp_px", 32),
            ("max_regions", 1),
            ("search_px", 32),
            ("regions_per_step", 8),
            ("max_detections", 1),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least {least}.")
        for name in ("fine_tuning_share", "warp_brightness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a share between 0 and 1.")
        if not 0 < self.nms_iou_threshold <= 1:
            raise ValueError(f"nms_iou_threshold is {self.nms_iou_threshold}. Expected an IoU above 0 and at most 1.")


class Rcnn(nn.Module):
    """Regions from outside; backbone; linear layers."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    config_type: ClassVar[type] = RcnnConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=4, learning_rate=1e-3, enlarge=False, zoom=(1.0, 1.0), brightness=0.0, flips="none"
    )
    strides: ClassVar[tuple[int, ...]] = (32,)

    def __init__(self, config: RcnnConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.classes = len(class_names)
        features = backbone.channels[-1] * POOLED**2
        self.softmax = nn.Linear(features, self.classes + 1)  # the background is last
        self.classifiers = nn.Linear(features, self.classes)
        self.regressors = nn.Linear(features, self.classes * 4)
        for layer, bias in ((self.softmax, 0.0), (self.classifiers, -3.0), (self.regressors, 0.0)):
            nn.init.normal_(layer.weight, std=0.001)
            nn.init.constant_(layer.bias, bias)

    @classmethod
    def fitted(cls, config: RcnnConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> RcnnConfig:
        """The config as it is; raises ValueError where selective search is not installed."""
        segmentation()
        return config

    def forward(self, warps: Float[Tensor, "r 3 s s"]) -> tuple[Tensor, Tensor, Tensor]:
        """Of warped regions: softmax logits ``r c+1``, class logits ``r c``, corrections of the box ``r c 4``."""
        return self.heads(self.features(warps))

    def features(self, warps: Float[Tensor, "r 3 s s"]) -> Float[Tensor, "r f"]:
        """What the trunk says of each warped region."""
        return F.adaptive_avg_pool2d(self.backbone(warps)[-1], POOLED).flatten(1)

    def heads(self, features: Float[Tensor, "r f"]) -> tuple[Tensor, Tensor, Tensor]:
        """What is read from the features; see ``forward``."""
        length = self.classifiers.in_features
        # The last stage has no say in the features, and takes them at a length that does not grow with their number:
        # at their own, a step of the optimizer would move a box by half its side.
        apart = F.layer_norm(features.detach(), (length,)) * length**-0.5
        corrections = self.regressors(BOX_LENGTH * apart).reshape(-1, self.classes, 4)
        return self.softmax(features).float(), self.classifiers(CLASS_LENGTH * apart).float(), corrections.float()

    def losses(self, batch: Batch) -> Losses:
        """``softmax`` while the trunk is tuned; ``classifier`` and ``box`` on features they do not change."""
        drawn = self._drawn(batch)
        frozen = batch.progress >= self.config.fine_tuning_share
        assert isinstance(self.backbone, nn.Module)
        self.backbone.train(self.training and not frozen)
        warps = self._lit(warped(batch.images, drawn.boxes, drawn.picture, self.config.warp_px))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            features = self.features(warps)
        softmax, logits, corrections = self.heads(features)
        asked = (drawn.met >= SURE) | (drawn.met < ABSENT)
        answer = F.binary_cross_entropy_with_logits(logits, (drawn.met >= SURE).float(), reduction="none")
        best, label = drawn.met.max(dim=1)
        wanted = corrections_to(drawn.boxes, drawn.truth)
        mine = corrections[torch.arange(len(label), device=label.device), label]
        near = best >= NEAR
        losses = {
            "classifier": (answer * asked).sum() / len(label),
            "box": (mine - wanted)[near].square().sum() / near.sum().clamp(min=1),
        }
        if frozen:
            return losses
        return {"softmax": F.cross_entropy(softmax, torch.where(best >= OBJECT, label, self.classes)), **losses}

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Detections]:
        """The boxes of each picture, best first; its regions are searched for every time."""
        config = self.config
        regions = selective_search.regions(images, config.search_px, config.max_regions, remember=False)
        found = (self.found(image[None], boxes) for image, boxes in zip(images, regions, strict=True))
        return [Detections(xyxy=xyxy, scores=scores, labels=labels) for xyxy, scores, labels in found]

    def found(self, images: Float[Tensor, "1 3 h w"], regions: Float[Tensor, "r 4"]) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``n 4`` in pixels, scores ``n`` and class ids ``n`` of one picture, from its regions in pixels."""
        picture = torch.zeros_like(regions[:, 0], dtype=torch.long)
        _, logits, corrections = self(warped(images, regions, picture, self.config.warp_px))
        where = box_ops.clip(corrected(regions[:, None], corrections), (images.shape[2], images.shape[3]))
        scores = logits.sigmoid() * (box_ops.area(where) > 0)
        region, label = (scores > self.config.score_threshold).nonzero(as_tuple=True)
        where, score = where[region, label], scores[region, label]
        kept = box_ops.keep_best(where, score, label, self.config.nms_iou_threshold, self.config.max_detections)
        return where[kept], score[kept], label[kept]

    def _drawn(self, batch: Batch) -> "Drawn":
        """Regions of all pictures of a batch to learn from, drawn anew each time."""
        config, device = self.config, batch.images.device
        regions = selective_search.regions(batch.images, config.search_px, config.max_regions, remember=True)
        parts = []
        for picture, (found, truth) in enumerate(zip(regions, batch.truths, strict=True)):
            assert isinstance(truth, Boxes)
            parts.append(matched(found, truth, picture, self.classes))
        whole = Drawn(*(torch.cat([getattr(part, name) for part in parts]) for name in Drawn.__annotations__))
        meets = whole.met.amax(dim=1) >= OBJECT
        positive, negative = _shuffled(meets), _shuffled(~meets)
        positive = positive[: round(config.regions_per_step * POSITIVE_SHARE)]
        chosen = torch.cat([positive, negative[: config.regions_per_step - len(positive)]])
        return Drawn(*(getattr(whole, name)[chosen].to(device) for name in Drawn.__annotations__))

    def _lit(self, warps: Tensor) -> Tensor:
        """Warps in another light each, so that pictures keep their pixels, by which their regions are known again."""
        if not self.training or not self.config.warp_brightness:
            return warps
        gain, shift = (torch.rand(2, len(warps), 1, 1, 1, device=warps.device) * 2 - 1) * self.config.warp_brightness
        mean = warps.mean(dim=(2, 3), keepdim=True)
        return ((warps - mean) * (1 + gain) + mean + shift / 2).clamp(0, 1)


@dataclass(frozen=True)
class Drawn:
    """Regions to learn from: box, picture they are of, IoU with the best object of each class, the best object."""

    boxes: Float[Tensor, "r 4"]
    picture: Int[Tensor, "r"]
    met: Float[Tensor, "r c"]
    truth: Float[Tensor, "r 4"]


def matched(regions: Float[Tensor, "r 4"], truth: Boxes, picture: int, classes: int) -> Drawn:
    """The regions of one picture and its objects themselves, without what lies half or more in an ignored one."""
    objects, labels = truth.xyxy[~truth.ignored], truth.labels[~truth.ignored]
    boxes = torch.cat([regions.cpu(), objects])
    overlap = box_ops.iou(boxes[:, None], objects[None])
    met = torch.zeros(len(boxes), classes)
    met = met.scatter_reduce(1, labels.expand(len(boxes), -1), overlap, "amax")
    best = objects[overlap.argmax(dim=1)] if len(objects) else boxes
    kept = ~_hidden(boxes, truth.xyxy[truth.ignored]) | (met.amax(dim=1) >= OBJECT)
    number = torch.full((int(kept.sum()),), picture)
    return Drawn(boxes=boxes[kept], picture=number, met=met[kept], truth=best[kept])


def _hidden(boxes: Float[Tensor, "r 4"], ignored: Float[Tensor, "m 4"]) -> Bool[Tensor, "r"]:
    inside = box_ops.intersection(boxes[:, None], ignored[None])
    return (inside >= 0.5 * box_ops.area(boxes)[:, None]).any(dim=1)


def _shuffled(which: Bool[Tensor, "n"]) -> Int[Tensor, "k"]:
    index = which.nonzero().flatten()
    return index[torch.randperm(len(index))]


def warped(
    images: Float[Tensor, "b 3 h w"], regions: Float[Tensor, "r 4"], picture: Int[Tensor, "r"], side_px: int
) -> Float[Tensor, "r 3 s s"]:
    """Each region with the context around it as a square, aspect not kept; beyond the picture is its mean colour."""
    mean = images.float().mean(dim=(2, 3), keepdim=True)
    margin = (regions[:, 2:] - regions[:, :2]) * CONTEXT
    wide = torch.cat([regions[:, :2] - margin, regions[:, 2:] + margin], dim=1)
    rois = torch.cat([picture[:, None].to(wide.dtype), wide], dim=1)
    cut = roi_align(images.float() - mean, rois, side_px, sampling_ratio=0, aligned=True) + mean[picture]
    return cut.to(images.dtype).contiguous(memory_format=torch.channels_last)


def corrections_to(regions: Float[Tensor, "*n 4"], boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """What takes a region to a box: shifts of the centre in sides of the region, logs of the growth (equations 6-9)."""
    side, wanted = regions[..., 2:] - regions[..., :2], boxes[..., 2:] - boxes[..., :2]
    shift = (boxes[..., :2] + wanted / 2 - regions[..., :2] - side / 2) / side
    return torch.cat([shift, (wanted / side).log()], dim=-1)


def corrected(regions: Float[Tensor, "*n 4"], corrections: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """The boxes that corrections take regions to (equations 1-4)."""
    side = regions[..., 2:] - regions[..., :2]
    centre = regions[..., :2] + side / 2 + corrections[..., :2] * side
    half = side * corrections[..., 2:].clamp(max=LARGEST_LOG).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)
