"""What file names say of pictures that belong together: frame numbers behind a common stem, patients, videos.

``0016E5_07959`` is frame 7959 of ``0016E5``; ``patient12-003`` a picture of patient 12. Names such as ``IMG_0001`` or
``train_001`` number a whole collection, ``cat_001`` in a folder of cats its class, ``000000000009`` nothing at all.
Names only propose: apart from plain words such as "patient12", the pictures have to confirm what they say.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from clearsight.sources.samples.records import SPLIT_WORDS

# The last run of digits is the number: what is before it may hold others.
NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>\d+)\D*")
# What labelling services and data sets append to names of frames.
APPENDED = re.compile(r"(_(jpe?g|png|bmp)\.rf\.[0-9a-f]+|_leftImg8bit|_gtFine\w*)$", re.IGNORECASE)
COUNTER = re.compile(r"[_\-. ](f|fr|frame|img|image)[_\-. ]?$", re.IGNORECASE)
SAID = re.compile(
    r"(?<![a-z])(?:patient|subject|person|participant|identity|video|clip|scene|sequence|seq|slide|specimen|case)"
    r"[_\- ]?\d+(?!\d)",
    re.IGNORECASE,
)
COLLECTIONS = frozenset(
    {"", "img", "image", "images", "dsc", "dscn", "dscf", "dcim", "p", "pxl", "mvimg", "photo", "photos", "picture"}
    | {"pictures", "pic", "pict", "frame", "frames", "f", "file", "scan", "screenshot", "sample", "item", "data"}
)
SHARE = 0.2  # of the pictures that groups must hold to mean anything
LONGEST = 10  # digits beyond which a number is no frame's


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What names propose, as indices of pictures.

    ``stated`` are groups that names state in so many words; ``stems`` groups by common stem, to be confirmed by the
    pictures; ``series`` numbered pictures in the order of their numbers, of which neighbours may belong together, each
    with its numbers.
    """

    stated: Mapping[str, list[int]] = field(default_factory=dict)
    stems: Mapping[str, list[int]] = field(default_factory=dict)
    series: tuple[tuple[list[int], list[int]], ...] = ()


def proposal(ids: Sequence[str], classes: Sequence[Hashable], class_names: Sequence[str] = ()) -> Proposal:
    """What the ids of pictures (paths without endings) propose; ``classes`` is what each shows."""
    words = [_without_split(id) for id in ids]
    stated = _stated(words, classes)
    if stated:
        return Proposal(stated=stated)
    found_in = [parted(word) for word in words]
    members: dict[str, list[int]] = defaultdict(list)
    numbers: dict[int, int] = {}
    for index, found in enumerate(found_in):
        if found is not None:
            members[found[0]].append(index)
            numbers[index] = found[1]
    names = {_plain(name) for name in class_names}
    # A stem that is the class, or all there is of a class, says what is shown and not where it comes from.
    members = {stem: mine for stem, mine in members.items() if _plain(stem.rpartition("/")[2]) not in names}
    if _is_the_class(members, classes):
        return Proposal()
    series = tuple(
        (ordered, [numbers[index] for index in ordered])
        for stem, mine in members.items()
        if len(mine) > 2 and not _is_a_split(stem)
        for ordered in [sorted(mine, key=lambda index: (numbers[index], ids[index]))]
    )
    stems = {stem: mine for stem, mine in members.items() if len(mine) > 1 and not _is_a_collection(stem)}
    grouped = sum(map(len, stems.values()))
    return Proposal(stems=stems if len(stems) > 1 and grouped >= SHARE * len(ids) else {}, series=series)


def _stated(words: Sequence[str], classes: Sequence[Hashable]) -> dict[str, list[int]]:
    """The groups by a word such as "patient12", which may be a folder; none where each stands in one name only."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, word in enumerate(words):
        found = SAID.search(word)
        if found is not None:
            members[word[: found.end()]].append(index)
    several = {name: mine for name, mine in members.items() if len(mine) > 1}
    enough = len(members) > 1 and sum(map(len, several.values())) >= SHARE * len(words)
    return several if enough and not _is_the_class(members, classes) else {}


def parted(word: str) -> tuple[str, int] | None:
    """Stem and number of a name; None where there is no number or nothing before it."""
    folder, slash, name = APPENDED.sub("", word).rpartition("/")
    found = NUMBERED.fullmatch(name)
    if found is None:
        return None
    digits, stem = found["number"], COUNTER.sub("", found["stem"]).strip("_-. ")
    if _plain(stem) in COLLECTIONS:
        stem = folder if slash else stem
    elif slash:
        stem = f"{folder}/{stem}"
    return (stem, int(digits)) if stem and len(digits) <= LONGEST else None


def _is_the_class(members: Mapping[str, list[int]], classes: Sequence[Hashable]) -> bool:
    """Whether stems and what is shown name each other."""
    of_stem = {stem: {classes[index] for index in mine} for stem, mine in members.items()}
    if any(len(shown) > 1 for shown in of_stem.values()):
        return False
    shown = Counter(next(iter(one)) for one in of_stem.values())
    return len(shown) > 1 and max(shown.values()) == 1


def _without_split(id: str) -> str:
    first, slash, rest = id.partition("/")
    return rest if slash and first.lower() in SPLIT_WORDS else id


def _is_a_split(stem: str) -> bool:
    return _plain(stem.rpartition("/")[2]) in {_plain(word) for word in SPLIT_WORDS}


def _is_a_collection(stem: str) -> bool:
    return _is_a_split(stem) or _plain(stem.rpartition("/")[2]) in COLLECTIONS


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
