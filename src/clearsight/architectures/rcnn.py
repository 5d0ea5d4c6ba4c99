"""R-CNN: region proposals by selective search, each warped to one size and classified by a CNN.

After Girshick et al. 2014 ("Rich feature hierarchies"). Selective search proposes regions; each is warped, with some
context, to one small square; the backbone extracts its features; linear classifiers, one for each class, score them,
and linear regressors, one for each class, refine the box (appendix C). Its drawback is its cost: the network runs once
for every region, hundreds of times a picture, after a search of a tenth of a second or more. Prediction pays that cost
every time; only training caches the regions of a picture.

It is trained in stages, as shares of the run. For the first ``fine_tuning_share`` the backbone is fine-tuned by a
softmax over classes and background on regions, a quarter of them positive (IoU 0.5). Then the backbone is frozen, the
softmax is dropped, and classifiers and regressors are trained alone; until then they are trained alongside, on detached
features. What differs from the paper: any backbone, randomly initialised by default, with smaller warps; logistic
regression in place of linear SVMs, since a score here is a probability; its positives are regions of IoU 0.7, not the
ground-truth boxes alone, which are too few here, and its negatives all sampled regions below 0.3, without hard negative
mining; regressors are trained by gradient descent, not solved in closed form.
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
FINE_TUNING_IOU, POSITIVE_IOU, NEGATIVE_IOU, BOX_IOU = 0.5, 0.7, 0.3, 0.6  # fine-tuning; classifiers; regressors
POSITIVE_SHARE = 0.25
POOLED = 2  # rows and columns of the pooled feature map
CLASS_NORM, BOX_NORM = 8.0, 2.0  # norm of the features that classifiers and regressors take
MAX_LOG_SCALE = 4.0  # a decoded side is at most 55 times the region's


@dataclass(frozen=True, kw_only=True)
class RcnnConfig:
    """Settings of an R-CNN: regions are warped to ``warp_px``; a step samples ``regions_per_step`` of them.

    Selective search runs on a copy of the picture whose longer side is at most ``search_px`` and keeps at most
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
    """External region proposals, backbone, linear layers."""

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
        """For warped regions: softmax logits ``r c+1``, class logits ``r c``, box offsets ``r c 4``."""
        return self.heads(self.features(warps))

    def features(self, warps: Float[Tensor, "r 3 s s"]) -> Float[Tensor, "r f"]:
        """The backbone's pooled features of each warped region."""
        return F.adaptive_avg_pool2d(self.backbone(warps)[-1], POOLED).flatten(1)

    def heads(self, features: Float[Tensor, "r f"]) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs from the features; see ``forward``."""
        length = self.classifiers.in_features
        # The last stage takes detached features, with a norm that does not grow with their number: otherwise one step
        # of the optimizer would move a box by half its side.
        detached = F.layer_norm(features.detach(), (length,)) * length**-0.5
        offsets = self.regressors(BOX_NORM * detached).reshape(-1, self.classes, 4)
        return self.softmax(features).float(), self.classifiers(CLASS_NORM * detached).float(), offsets.float()

    def losses(self, batch: Batch) -> Losses:
        """``softmax`` while the backbone is fine-tuned; ``classifier`` and ``box`` on detached features."""
        sample = self._sampled(batch)
        frozen = batch.progress >= self.config.fine_tuning_share
        assert isinstance(self.backbone, nn.Module)
        self.backbone.train(self.training and not frozen)
        warps = self._brightened(warped(batch.images, sample.boxes, sample.picture, self.config.warp_px))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            features = self.features(warps)
        softmax, logits, offsets = self.heads(features)
        counted = (sample.class_iou >= POSITIVE_IOU) | (sample.class_iou < NEGATIVE_IOU)
        loss = F.binary_cross_entropy_with_logits(logits, (sample.class_iou >= POSITIVE_IOU).float(), reduction="none")
        best, label = sample.class_iou.max(dim=1)
        target = encoded_boxes(sample.boxes, sample.truth)
        mine = offsets[torch.arange(len(label), device=label.device), label]
        near = best >= BOX_IOU
        losses = {
            "classifier": (loss * counted).sum() / len(label),
            "box": (mine - target)[near].square().sum() / near.sum().clamp(min=1),
        }
        if frozen:
            return losses
        return {
            "softmax": F.cross_entropy(softmax, torch.where(best >= FINE_TUNING_IOU, label, self.classes)),
            **losses,
        }

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Detections]:
        """The boxes of each picture, best first; the region search is never cached here."""
        config = self.config
        regions = selective_search.regions(images, config.search_px, config.max_regions, use_cache=False)
        found = (self.found(image[None], boxes) for image, boxes in zip(images, regions, strict=True))
        return [Detections(xyxy=xyxy, scores=scores, labels=labels) for xyxy, scores, labels in found]

    def found(self, images: Float[Tensor, "1 3 h w"], regions: Float[Tensor, "r 4"]) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``n 4`` in pixels, scores ``n`` and class ids ``n`` of one picture, from its regions in pixels."""
        picture = torch.zeros_like(regions[:, 0], dtype=torch.long)
        _, logits, offsets = self(warped(images, regions, picture, self.config.warp_px))
        where = box_ops.clip(decoded_boxes(regions[:, None], offsets), (images.shape[2], images.shape[3]))
        scores = logits.sigmoid() * (box_ops.area(where) > 0)
        region, label = (scores > self.config.score_threshold).nonzero(as_tuple=True)
        where, score = where[region, label], scores[region, label]
        kept = box_ops.keep_best(where, score, label, self.config.nms_iou_threshold, self.config.max_detections)
        return where[kept], score[kept], label[kept]

    def _sampled(self, batch: Batch) -> "RegionSample":
        """A new random sample of the regions of all pictures of a batch."""
        config, device = self.config, batch.images.device
        regions = selective_search.regions(batch.images, config.search_px, config.max_regions, use_cache=True)
        parts = []
        for picture, (found, truth) in enumerate(zip(regions, batch.truths, strict=True)):
            assert isinstance(truth, Boxes)
            parts.append(matched(found, truth, picture, self.classes))
        names = RegionSample.__annotations__
        whole = RegionSample(*(torch.cat([getattr(part, name) for part in parts]) for name in names))
        matches = whole.class_iou.amax(dim=1) >= FINE_TUNING_IOU
        positive, negative = _shuffled(matches), _shuffled(~matches)
        positive = positive[: round(config.regions_per_step * POSITIVE_SHARE)]
        sampled = torch.cat([positive, negative[: config.regions_per_step - len(positive)]])
        return RegionSample(*(getattr(whole, name)[sampled].to(device) for name in names))

    def _brightened(self, warps: Tensor) -> Tensor:
        """Random brightness per warp; the pictures keep their pixels, the cache key of their regions."""
        if not self.training or not self.config.warp_brightness:
            return warps
        gain, shift = (torch.rand(2, len(warps), 1, 1, 1, device=warps.device) * 2 - 1) * self.config.warp_brightness
        mean = warps.mean(dim=(2, 3), keepdim=True)
        return ((warps - mean) * (1 + gain) + mean + shift / 2).clamp(0, 1)


@dataclass(frozen=True)
class RegionSample:
    """Training regions: box, index of the picture, highest IoU with an object of each class, object of highest IoU."""

    boxes: Float[Tensor, "r 4"]
    picture: Int[Tensor, "r"]
    class_iou: Float[Tensor, "r c"]
    truth: Float[Tensor, "r 4"]


def matched(regions: Float[Tensor, "r 4"], truth: Boxes, picture: int, classes: int) -> RegionSample:
    """The regions of one picture and its ground-truth boxes, without negatives half or more inside an ignored box."""
    objects, labels = truth.xyxy[~truth.ignored], truth.labels[~truth.ignored]
    boxes = torch.cat([regions.cpu(), objects])
    overlap = box_ops.iou(boxes[:, None], objects[None])
    class_iou = torch.zeros(len(boxes), classes)
    class_iou = class_iou.scatter_reduce(1, labels.expand(len(boxes), -1), overlap, "amax")
    best = objects[overlap.argmax(dim=1)] if len(objects) else boxes
    kept = ~_mostly_ignored(boxes, truth.xyxy[truth.ignored]) | (class_iou.amax(dim=1) >= FINE_TUNING_IOU)
    number = torch.full((int(kept.sum()),), picture)
    return RegionSample(boxes=boxes[kept], picture=number, class_iou=class_iou[kept], truth=best[kept])


def _mostly_ignored(boxes: Float[Tensor, "r 4"], ignored: Float[Tensor, "m 4"]) -> Bool[Tensor, "r"]:
    inside = box_ops.intersection(boxes[:, None], ignored[None])
    return (inside >= 0.5 * box_ops.area(boxes)[:, None]).any(dim=1)


def _shuffled(which: Bool[Tensor, "n"]) -> Int[Tensor, "k"]:
    index = which.nonzero().flatten()
    return index[torch.randperm(len(index))]


def warped(
    images: Float[Tensor, "b 3 h w"], regions: Float[Tensor, "r 4"], picture: Int[Tensor, "r"], side_px: int
) -> Float[Tensor, "r 3 s s"]:
    """Each region with some context, warped to a square; padded with the mean colour of the picture."""
    mean = images.float().mean(dim=(2, 3), keepdim=True)
    margin = (regions[:, 2:] - regions[:, :2]) * CONTEXT
    wide = torch.cat([regions[:, :2] - margin, regions[:, 2:] + margin], dim=1)
    rois = torch.cat([picture[:, None].to(wide.dtype), wide], dim=1)
    cut = roi_align(images.float() - mean, rois, side_px, sampling_ratio=0, aligned=True) + mean[picture]
    return cut.to(images.dtype).contiguous(memory_format=torch.channels_last)


def encoded_boxes(regions: Float[Tensor, "*n 4"], boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Offsets from regions to boxes: shifts of the centre in sides of the region, log scales (equations 6-9)."""
    side, target = regions[..., 2:] - regions[..., :2], boxes[..., 2:] - boxes[..., :2]
    shift = (boxes[..., :2] + target / 2 - regions[..., :2] - side / 2) / side
    return torch.cat([shift, (target / side).log()], dim=-1)


def decoded_boxes(regions: Float[Tensor, "*n 4"], offsets: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """The boxes at these offsets from regions (equations 1-4)."""
    side = regions[..., 2:] - regions[..., :2]
    centre = regions[..., :2] + side / 2 + offsets[..., :2] * side
    half = side * offsets[..., 2:].clamp(max=MAX_LOG_SCALE).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)
