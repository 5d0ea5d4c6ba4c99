"""Pictures beside PNGs whose values are the ids of the objects (plain, Penn-Fudan, Cityscapes).

``images`` + ``instances`` (in the folder, within splits or with splits within), the same stems. Objects are of the one
class "object", unless ``classes.csv`` gives the class of each id (``id,class``; ids from 1000 on may be a class number
* 1000 + a number), or ``instances.csv`` lists the objects of each picture (``picture,id`` or ``picture,id,class``).

Penn-Fudan: ``PNGImages`` + ``PedMasks/NAME_mask.png``, persons; ``Annotation/NAME.txt`` counts them where it is there.
Cityscapes: ``leftImg8bit/<split>/<city>`` + ``gtFine/<split>/<city>/*_gtFine_instanceIds.png``, the eight classes that
have instances; groups of them are ignored, the city is a group of pictures.

An id that no annotation lists is a problem. Every PNG is read once; its masks stay as run lengths.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from clearsight.ops import instance_masks
from clearsight.sources.annotations import instance_folders, mask_folders
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.class_maps import INDEXED, opened
from clearsight.sources.annotations.instance_folders import Annotated, IdClasses
from clearsight.sources.annotations.layout import Draft, Layout, Request, kind_of
from clearsight.sources.annotations.outlined import EMPTY, with_background
from clearsight.sources.problems import Problems
from clearsight.sources.samples import fingerprint, pictures
from clearsight.sources.samples.pictures import PictureError
from clearsight.sources.samples.records import Source
from clearsight.types import IGNORE, Boxes, ClassMap, Instances

UNLISTED = "instance PNG with more ids than annotations"
CLASSLESS = "id without a class"
MOST_IDS = 20_000


@dataclass(frozen=True)
class InstancePictures:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Instances, Boxes, ClassMap)
    looked_for: str = "images/ beside instances/, Penn-Fudan, Cityscapes (instance PNGs)"

    def recognises(self, folder: Path) -> bool:
        """Whether there are folders of pictures with folders of instance PNGs."""
        return folder.is_dir() and instance_folders.recognised(folder)

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        assert request.folder is not None
        kind = kind_of(self, request)
        return assemble(self.layout(request.folder, problems, kind), problems, request, "instance-masks", kind)

    def layout(self, folder: Path, problems: Problems, kind: type = Instances) -> Layout:
        """All pictures with their objects, each PNG read once."""
        annotated, classes = instance_folders.found(folder, problems)
        drafts = []
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for one, seen in zip(annotated, pool.map(lambda one: _read(one, classes), annotated), strict=True):
                where = mask_folders.shown_place(one.match.mask, folder)
                if isinstance(seen, PictureError):
                    problems.add(seen.kind, where, seen.detail)
                    continue
                for fault, detail in seen.faults:
                    problems.add(fault, where, detail)
                if not any(fault == UNLISTED for fault, _ in seen.faults) or one.count is None:
                    drafts.append(_draft(one, seen.truth, where, kind))
        if classes.groups:
            drafts = _without_withheld(drafts, problems)
        return Layout(drafts=drafts, class_names=with_background(classes.names) if kind is ClassMap else classes.names)


INSTANCES = InstancePictures()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The objects of one instance PNG, without those that are faulty, and the faults as kind and detail."""

    truth: Instances
    faults: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Painted:
    """The class map of instances over a background, class 0; ignored objects become ignored pixels."""

    instances: Instances
    digest: str

    def __call__(self) -> ClassMap:
        """Paint it."""
        labels = np.zeros(self.instances.masks.size, dtype=np.uint8)
        values = torch.where(self.instances.ignored, IGNORE, self.instances.labels + 1).tolist()
        for value, ((x1, y1, x2, y2), crop) in zip(values, instance_masks.crops(self.instances.masks), strict=True):
            labels[y1:y2, x1:x2][crop] = value
        return ClassMap(labels=torch.from_numpy(labels))


def _read(one: Annotated, classes: IdClasses) -> Seen | PictureError:
    if not one.match.mask.resolve().is_relative_to(one.match.within_masks.resolve()):
        return PictureError("mask outside the data folder", "by a symbolic link")
    try:
        values = values_of(pictures.content(one.match.mask))
        present = np.unique(values)
        if len(present) > MOST_IDS:
            raise PictureError("far too many ids", f"{len(present)}; is it a picture of ids?")
    except PictureError as error:
        return error
    ids = present[present > 0].tolist()
    faults = _unlisted(ids, one)
    labels = {id: classes.of(id) if not one.listed or one.listed.get(id) is None else one.listed[id] for id in ids}
    if one.listed is not None:
        labels = {id: label for id, label in labels.items() if id in one.listed}
    classless = [id for id, label in labels.items() if label is None]
    if classless and not classes.groups:
        faults.append((CLASSLESS, _named(classless)))
    kept = {id: label for id, label in labels.items() if label is not None}
    return Seen(truth=_instances(values, kept, classes), faults=faults)


def values_of(data: bytes) -> Int[np.ndarray, "h w"]:
    """The ids of every pixel; raises PictureError for anything but a complete lossless picture of one channel."""
    image = opened(data)
    if image.mode in INDEXED:
        values = np.asarray(image).astype(np.int32)
    else:
        channels = np.asarray(image.convert("RGB"))
        if (channels != channels[:, :, :1]).any():
            raise PictureError("ids in colours", "export the numbers of the objects as one channel, 8 or 16 bits")
        values = channels[:, :, 0].astype(np.int32)
    if values.min(initial=0) < 0:
        raise PictureError("ids below 0", str(values.min()))
    return values


def _unlisted(ids: list[int], one: Annotated) -> list[tuple[str, str]]:
    """The disagreements of the PNG and the annotation."""
    faults = []
    if one.listed is not None:
        more = [id for id in ids if id not in one.listed]
        if more:
            faults.append((UNLISTED, f"{_named(more)} not listed"))
        absent = sorted(one.listed.keys() - set(ids))
        if absent:
            faults.append((EMPTY, f"{_named(absent)} listed, not drawn"))
    if one.count is not None and len(ids) > one.count:
        faults.append((UNLISTED, f"{_named(ids)}, and the annotation counts {one.count} objects"))
    return faults


def _named(ids: list[int]) -> str:
    more = f" and {len(ids) - 8} more" if len(ids) > 8 else ""
    return f"id{'s' * (len(ids) > 1)} {', '.join(map(str, ids[:8]))}{more}"


def _instances(values: Int[np.ndarray, "h w"], labels: dict[int, int], classes: IdClasses) -> Instances:
    # Imported here: it takes a tenth of a second, and only this format needs it.
    from scipy.ndimage import find_objects

    keys = np.array([0, *labels], dtype=np.int64)
    numbered = np.searchsorted(keys, values).clip(max=len(keys) - 1)
    numbered = np.where(keys[numbered] == values, numbered, 0)
    places = find_objects(numbered, max_label=len(labels))
    crops = [numbered[place] == index for index, place in enumerate(places, start=1) if place is not None]
    corners = [(place[1].start, place[0].start) for place in places if place is not None]
    height, width = values.shape
    made = instance_masks.of_crops(crops, corners, (height, width))
    groups = [classes.groups and id < instance_folders.THOUSAND for id in labels]
    boxes = Boxes.of(
        made.windows.float(),
        torch.tensor(list(labels.values()), dtype=torch.long),
        torch.tensor(groups, dtype=torch.bool),
        instance_masks.areas(made).float(),
    )
    return Instances(**vars(boxes), masks=made)


def _draft(one: Annotated, truth: Instances, where: str, kind: type) -> Draft:
    given: Instances | Boxes | Painted = truth
    if kind is Boxes:
        given = Boxes(xyxy=truth.xyxy, labels=truth.labels, ignored=truth.ignored, areas=truth.areas)
    if kind is ClassMap:
        given = Painted(instances=truth, digest=fingerprint.of_truth(truth))
    return Draft(
        id=one.match.id,
        picture=one.match.picture,
        within=one.match.within,
        split=one.match.split,
        truth=given,
        where=where,
        size=truth.masks.size,
        groups=one.groups,
    )


def _without_withheld(drafts: list[Draft], problems: Problems) -> list[Draft]:
    """Without the test pictures where none holds an object: Cityscapes keeps theirs back."""
    held = [draft.truth for draft in drafts if draft.split == "test"]
    objects = [truth.instances if isinstance(truth, Painted) else truth for truth in held]
    if not held or any(isinstance(truth, Boxes) and len(truth) for truth in objects):
        return drafts
    problems.note(f"{len(held)} pictures of the split test hold no object, their annotations are withheld: left out")
    return [draft for draft in drafts if draft.split != "test"]
