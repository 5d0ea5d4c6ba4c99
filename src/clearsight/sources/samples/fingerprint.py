"""A hash of what a data set holds: pictures, truths, class names, groups, clusters, split. Equal hash, equal data.

Paths, file times and the annotation format do not enter, so a copy of the folder has the same fingerprint.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from torch import Tensor

from clearsight.sources.samples.records import MaskFile, Record

LENGTH = 16


def of_bytes(data: bytes) -> str:
    """The hash of a file's content."""
    return hashlib.blake2b(data, digest_size=LENGTH).hexdigest()


def of_records(records: Iterable[Record], class_names: Sequence[str], split: str) -> str:
    """The fingerprint of one split, in the order of its records; records without a digest are decoded for it."""
    state = hashlib.blake2b(digest_size=LENGTH)
    state.update(_words(["classes", *class_names]) + _words(["split", split]))
    for record in records:
        digest = record.digest or of_bytes(_array(record.decode()))
        # What was inferred says nothing new of the data.
        state.update(_words([record.id, digest, "" if record.inferred else record.cluster]))
        state.update(json.dumps(sorted(record.groups.items())).encode())
        state.update(_truth(record.truth))
    return state.hexdigest()


def of_splits(fingerprints: Mapping[str, str]) -> str:
    """The fingerprint of a whole source from those of its splits."""
    return of_words([word for split in sorted(fingerprints) for word in (split, fingerprints[split])])


def of_words(words: Sequence[str]) -> str:
    """The hash of a list of words; lists that only look alike when joined differ."""
    return of_bytes(_words(words))


def of_truth(truth: object) -> str:
    """The hash of one truth."""
    return of_bytes(_truth(truth))


def _truth(truth: object) -> bytes:
    # Any frozen dataclass of tensors and numbers: new kinds of truth need no change here.
    if truth is None:
        return _words(["none"])
    # A protocol is slow to check, and few truths can be called.
    if callable(truth) and isinstance(truth, MaskFile):
        return _words(["mask", truth.digest])
    assert dataclasses.is_dataclass(truth)
    parts = [_words([type(truth).__name__])]
    for item in dataclasses.fields(truth):
        value = getattr(truth, item.name)
        parts += [_words([item.name]), _value(value)]
    return b"".join(parts)


def _value(value: object) -> bytes:
    if isinstance(value, Tensor):
        return _array(value)
    return _truth(value) if dataclasses.is_dataclass(value) else _words([repr(value)])


def _array(tensor: Tensor) -> bytes:
    array = np.ascontiguousarray(tensor.numpy())
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return _words([little.dtype.str, *map(str, array.shape)]) + little.tobytes()


def _words(words: Sequence[str]) -> bytes:
    # JSON keeps the borders between words, and writes lone surrogates of odd file names as escapes.
    return json.dumps(list(words)).encode() + b"\n"
