"""Feature extractors: what pictures are compared by. Two of them, which owe nothing to each other.

The first is a small network trained on the real training pictures: to tell their classes apart where they have one
each, else to remove noise. The second is an ensemble of random networks, or the network of a weights file that the user
names. Neither takes part in the training of a generator. Both are cached by the data they were made from, so a second
run does not train again, and each has a digest of all its numbers, which stands beside every score.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from clearsight import backbones
from clearsight.generation import extractor_cache
from clearsight.generation.fitting import Watch, learned
from clearsight.generation.networks import FEATURES, ClassHead, Encoder, RandomEnsemble
from clearsight.generation.pictures import Pictures, Resizer
from clearsight.generation.projection import Projection

VERSION = 1  # of the code: other features get another number
BATCH = 256
FEWEST = 10
FITTED_ON = 5000  # training pictures at most that a projection is fitted on
CLASSIFIER, DENOISER, RANDOM = "own classifier", "own denoising encoder", "random networks"
OF_FILE = Resizer(at_least_px=64, at_most_px=224)


class Extractor:
    """From pictures of 8 bits to at most 128 features each, float32; a classifier gives probabilities too.

    ``digest`` is a hash of the weights, the projection, the resizer and the version of the code.
    """

    def __init__(
        self, *, name: str, network: nn.Module, projection: Projection, resizer: Resizer, head: ClassHead | None = None
    ) -> None:
        self.name, self.resizer = name, resizer
        self._network, self._projection, self._head = network.eval(), projection, head
        if head is not None:
            head.eval()
        self.digest = _digest(name, str(resizer), self.tensors())

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:12]})"

    @property
    def knows_classes(self) -> bool:
        """Whether it tells the classes of the data apart."""
        return self._head is not None

    def tensors(self) -> dict[str, Tensor]:
        """All its numbers by name, for the cache and the digest."""
        found = {f"network.{name}": value for name, value in self._network.state_dict().items()}
        if self._head is not None:
            found |= {f"head.{name}": value for name, value in self._head.state_dict().items()}
        return found | {"projection.mean": self._projection.mean, "projection.matrix": self._projection.matrix}

    @torch.no_grad()
    def look(
        self, images: UInt8[Tensor, "n 3 h w"], watch: Watch = lambda done, total: None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n c"] | None]:
        """Features of pictures of one size, and the probability of each class where it knows some, in one pass."""
        head = self._head
        features, probabilities = [torch.zeros(0, self._projection.matrix.shape[1])], []
        for start in range(0, len(images), BATCH):
            raw = self._network(self.resizer(images[start : start + BATCH]))
            features.append(self._projection(raw).float())
            probabilities += [] if head is None else [head(raw).softmax(1).float()]
            watch(min(start + BATCH, len(images)), len(images))
        if head is None:
            return torch.cat(features), None
        return torch.cat(features), torch.cat([torch.zeros(0, head.classes), *probabilities])

    def __call__(self, images: UInt8[Tensor, "n 3 h w"], watch: Watch = lambda done, total: None) -> Tensor:
        """Features ``n d`` of pictures of one size."""
        return self.look(images, watch)[0]

    def classes(self, images: UInt8[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """The probability of each class. Raises ValueError where it knows none."""
        probabilities = self.look(images)[1]
        if probabilities is None:
            raise ValueError(f"{self.name} knows no classes: the training pictures do not name one each.")
        return probabilities


class PooledBackbone(nn.Module):
    """The means of the coarsest feature map of a backbone."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        """One number for each map."""
        return self.backbone(images)[-1].mean((2, 3))


def check_count(pictures: int) -> None:
    """Raise ValueError where there are too few training pictures to learn features from."""
    if pictures < FEWEST:
        raise ValueError(f"there are {pictures} training pictures. Expected at least {FEWEST} to learn features from.")


def extractors_for(
    train: Pictures,
    fingerprint: str,
    class_names: tuple[str, ...] = (),
    seed: int = 0,
    watch: Watch = lambda done, total: None,
    weights: Path | None = None,
) -> tuple[Extractor, Extractor]:
    """Two extractors for data with these training pictures, from the cache where they were made before.

    Args:
        train: the real training pictures; a classifier is trained where each has one of at least two classes.
        fingerprint: that of the training data.
        class_names: the names of the classes.
        seed: of the initial weights and the order of pictures.
        watch: called with the steps done, of how many.
        weights: a file of weights that takes the place of the second: its name begins with timm's name of the network,
            as in ``resnet50.a1_in1k.safetensors``.

    Raises:
        ValueError: fewer than ten pictures, or a file that is no weights of the network it is named after.
    """
    check_count(len(train))
    return _own(train, fingerprint, class_names, seed, watch), (
        _random(train, fingerprint, seed) if weights is None else _of_file(train, weights)
    )


def classifier_of(
    train: Pictures,
    fingerprint: str,
    attribute: str,
    group_names: tuple[str, ...],
    seed: int = 0,
    watch: Watch = lambda done, total: None,
) -> Extractor:
    """A classifier of an attribute, trained on these pictures, from the cache where it was trained before.

    ``train.classes`` holds the group of each picture, by its place in ``group_names``; at least two must occur. Raises
    ValueError for fewer than ten pictures.
    """
    check_count(len(train))
    assert train.classes is not None and len(torch.unique(train.classes)) > 1, "a group for every picture"
    # The fingerprint is of pictures and truths: an attribute can change without it, and two can have equal groups.
    of = (attribute, hashlib.sha256(train.classes.to(torch.int64).numpy().tobytes()).hexdigest())
    return _own(train, fingerprint, group_names, seed, watch, of)


def _own(
    train: Pictures,
    fingerprint: str,
    class_names: tuple[str, ...],
    seed: int,
    watch: Watch,
    of: tuple[str, ...] = (),
) -> Extractor:
    resizer, classes = Resizer(), train.classes
    labelled = classes is not None and bool((classes >= 0).all()) and len(torch.unique(classes)) > 1
    name, count = (CLASSIFIER, len(class_names)) if labelled else (DENOISER, 0)
    key = extractor_cache.key_of(VERSION, name, fingerprint, len(train), class_names, seed, str(resizer), *of)

    def made() -> Extractor:
        found = learned(train.images, classes if labelled else None, count, resizer, seed, watch)
        projection = Projection.scaled(_raw(found.encoder, resizer, train))
        return Extractor(name=name, network=found.encoder, projection=projection, resizer=resizer, head=found.head)

    def read(tensors: dict[str, Tensor]) -> Extractor:
        head = ClassHead(count) if labelled else None
        if head is not None:
            _filled(head, tensors, "head.")
        network, projection = _filled(Encoder(), tensors, "network."), _projection(tensors)
        return Extractor(name=name, network=network, projection=projection, resizer=resizer, head=head)

    return _cached(key, made, read)


def _random(train: Pictures, fingerprint: str, seed: int) -> Extractor:
    resizer = Resizer()
    key = extractor_cache.key_of(VERSION, RANDOM, fingerprint, len(train), seed, str(resizer))

    def made() -> Extractor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = RandomEnsemble()
        drawn = torch.Generator().manual_seed(seed)
        projection = Projection.random(_raw(network, resizer, train), FEATURES, drawn)
        return Extractor(name=RANDOM, network=network, projection=projection, resizer=resizer)

    def read(tensors: dict[str, Tensor]) -> Extractor:
        network, projection = _filled(RandomEnsemble(), tensors, "network."), _projection(tensors)
        return Extractor(name=RANDOM, network=network, projection=projection, resizer=resizer)

    return _cached(key, made, read)


def _of_file(train: Pictures, weights: Path) -> Extractor:
    """The pooled features of a network that the user names, reduced to 128 by principal components of the training."""
    name = weights.name.removesuffix(".safetensors").partition(".")[0]
    backbone = backbones.build(name, strides=(32,), pretrained=weights)
    assert isinstance(backbone, nn.Module)
    network = PooledBackbone(backbone).eval()
    projection = Projection.principal(_raw(network, OF_FILE, train))
    return Extractor(name=name, network=network, projection=projection, resizer=OF_FILE)


def _cached(key: str, made: Callable[[], Extractor], read: Callable[[dict[str, Tensor]], Extractor]) -> Extractor:
    with extractor_cache.locked(key):
        kept = extractor_cache.read(key)
        if kept is not None:
            return read(kept)
        found = made()
        extractor_cache.write(key, found.tensors())
        return found


@torch.no_grad()
def _raw(network: nn.Module, resizer: Resizer, train: Pictures) -> Float[Tensor, "n k"]:
    """What a network sees in at most 5,000 evenly chosen training pictures."""
    place = torch.linspace(0, len(train) - 1, min(len(train), FITTED_ON)).long()
    network.eval()
    return torch.cat([network(resizer(train.images[some])) for some in place.split(BATCH)])


def _filled(network: nn.Module, tensors: dict[str, Tensor], prefix: str) -> nn.Module:
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    network.load_state_dict(own)
    return network


def _projection(tensors: dict[str, Tensor]) -> Projection:
    return Projection(mean=tensors["projection.mean"], matrix=tensors["projection.matrix"])


def _digest(name: str, resizer: str, tensors: dict[str, Tensor]) -> str:
    found = hashlib.sha256(f"{VERSION}\n{name}\n{resizer}\n".encode())
    for key in sorted(tensors):
        value = tensors[key].detach().cpu().contiguous()
        found.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.numpy().tobytes())
    return found.hexdigest()
