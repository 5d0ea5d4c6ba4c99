"""The segmenter that pictures made from label maps are judged by: ours, trained on the real training pictures alone.

It is trained once for data and size, with a seed of its own, whatever run asks for it, and then kept beside the
extractors: generators of the same data have the same judge. It is another network than any generator learns from.
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from clearsight.energy.meter import Meter
from clearsight.generation import extractor_cache
from clearsight.generation.recognising import Segmenter
from clearsight.loading import trained
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.training import loop
from clearsight.training.in_memory import Recipe, fit_in_memory

VERSION = 1  # of what follows: another judge gets another number
MODEL = "encoder-decoder"
SEED = 2**21  # of no run by default
PASSES = 40  # over the training pictures, at most,
PIXELS = 100_000_000  # and at most so many pixels seen: 8,000 pictures of 96 x 128 px


def segmenter_of(train: CroppedDataset, watch: Callable[[int, int], None] = lambda done, total: None) -> Segmenter:
    """The segmenter of these training pictures, from the cache where it was trained before.

    ``watch`` is called with the steps done, of how many. The global random state is left as it was.
    """
    kind = trained.kind_of(MODEL)
    height, width = train.common_size
    training = replace(
        kind.training_defaults, size_px=max(height, width), small_share=0.0, zoom=(1.0, 1.0), shift=0.05,
        precision="float32",
    )  # fmt: skip
    config = kind.fitted(kind.config_type(), (train.truth(k) for k in range(len(train))), train.class_names)
    epochs = max(1, min(PASSES, round(PIXELS / (len(train) * height * width))))
    key = extractor_cache.key_of(
        VERSION, MODEL, train.fingerprint, len(train), train.common_size, train.class_names, config, training, epochs
    )
    with extractor_cache.locked(key), torch.random.fork_rng(devices=[]):
        weights = extractor_cache.read(key)
        if weights is None:
            recipe = Recipe(model=MODEL, config=config, training=training, precision="32-true")
            network, _ = fit_in_memory(
                recipe, train, loop.Budget(epochs=epochs), SEED, Meter(), begun_from=train,
                watch=lambda moment: watch(round(100 * moment.progress), 100),
            )  # fmt: skip
            extractor_cache.write(key, network.state_dict())
        else:
            network = trained.build(MODEL, config, train.class_names)
            network.load_state_dict(weights)
    said = (
        f"{MODEL} on {config.backbone}, trained on the {len(train)} real training pictures at {width} x {height} px "
        f"for {epochs} epochs"
    )
    return Segmenter(network=network.eval(), size_px=max(height, width), said=said)
