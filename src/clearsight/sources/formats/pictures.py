"""Pictures without any annotation: in one folder, or in folders that are all named after splits.

For models that learn from pictures alone. Folders of a class each, and every layout with annotations, will do for them
too; this is what is left.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clearsight.sources.annotations import references
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.layout import Draft, Layout, Request
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.records import SPLIT_WORDS, Source
from clearsight.types import Picture

# The ending of annotations, and of tables; a table of attributes may lie beside.
ANNOTATIONS = frozenset({".xml", ".json", ".txt", ".yaml", ".yml", ".parquet", ".csv", ".tsv"})
BESIDE = "attributes"


@dataclass(frozen=True)
class Pictures:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Picture,)
    looked_for: str = "pictures in one folder, or in folders named after splits"

    def recognises(self, folder: Path) -> bool:
        """Whether pictures lie in the folder, or in each of its splits, and nothing that may annotate them does."""
        if not folder.is_dir():
            return False
        roots = [root for root, _ in _roots(folder)]
        if any(_is_annotation(path) for root in {folder, *roots} for path in root.iterdir()):
            return False
        return all(references.pictures_in(root) and not _folders(root) for root in roots)

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        folder = request.folder
        assert folder is not None
        if not folder.is_dir():
            raise DataError(f"{shown(folder)} is a file. Expected a folder of pictures. Name the folder it lies in.")
        drafts = [draft for root, split in _roots(folder) for draft in _drafts(root, split, folder)]
        if not drafts:
            raise DataError(f"{shown(folder)} holds no pictures. Expected some. Name the folder they lie in.")
        return assemble(Layout(drafts=drafts), problems, request, "pictures", truth=Picture)


PICTURES = Pictures()


def _roots(folder: Path) -> list[tuple[Path, str | None]]:
    """The folders that hold pictures, and their splits."""
    inner = _folders(folder)
    if inner and all(path.name.lower() in SPLIT_WORDS for path in inner):
        return [(path, SPLIT_WORDS[path.name.lower()]) for path in inner]
    return [(folder, None)]


def _drafts(root: Path, split: str | None, folder: Path) -> Iterator[Draft]:
    """All pictures of a folder, and of those below it, without a truth."""
    files = references.pictures_in(root, deep=True)
    names = [path.relative_to(root) for path in files]
    stems = Counter(name.with_suffix("") for name in names)
    for path, name in zip(files, names, strict=True):
        bare = name.with_suffix("")
        yield Draft(
            id=(name if stems[bare] > 1 else bare).as_posix(), picture=path, within=folder, split=split, truth=None,
            where=str(path.relative_to(folder)),
        )  # fmt: skip


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _is_annotation(path: Path) -> bool:
    stem, *endings = path.name.lower().split(".")
    return path.is_file() and stem != BESIDE and any(f".{ending}" in ANNOTATIONS for ending in endings)
