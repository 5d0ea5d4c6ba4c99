"""How likely held-out digits are to a variational autoencoder trained for some minutes, as one JSON line.

    python benchmarks/vae_likelihood.py --data mnist/train.parquet --minutes 10

`vae` on binarised MNIST: 10,000 of the 60,000 training pictures are held out and binarised once, each pixel white with
its brightness as probability ("dynamic" MNIST; --set binarisation=threshold for the easier one). Printed are the
negative log-likelihood by 200 importance samples, with its 95% interval over the pictures, and the negative
variational bound (ELBO), both in nats per picture.
"""

import argparse
import functools
import json
import resource
import time

import torch
from lightning_fabric import Fabric
from torch import Tensor

from clearsight import settings
from clearsight.energy.meter import Meter
from clearsight.generators.vae import Vae, VaeConfig
from clearsight.inference.allocation import keep_freed_memory
from clearsight.loading.data import gather
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.sources.batches.views import ahead, at_once
from clearsight.training import loop
from clearsight.training.precision import precision_of_losses
from clearsight.types import Training

HELD_OUT = 1 / 6  # of the 60,000
DIGITS = {"likelihood": "bernoulli", "importance_samples": 5}


def main() -> None:
    """Train, and print how likely what was held out is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a table of pictures, or any other layout of one size")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--samples", type=int, default=200, help="importance samples of each held-out picture")
    parser.add_argument("--pictures", type=int, default=10_000, help="of those held out, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="a setting of vae or training"
    )
    asked = parser.parse_args()
    # Which pictures belong together is of no matter here, and looking for it would take minutes.
    gathered = gather(asked.data, 64, held_out=HELD_OUT, enlarge=False, cluster="none")
    train, size = gathered.cached["train"], gathered.cached["train"].common_size
    if size is None:
        raise SystemExit("The pictures have several sizes. Expected one.")
    defaults = VaeConfig(size=size, channels=1, **DIGITS)
    config, training = settings.choose(settings.parse(asked.set), defaults, Vae.training_defaults)
    keep_freed_memory()
    torch.manual_seed(asked.seed)
    batches = SmallBatches(dataset=train, training=training, canvas=size, seed=asked.seed)
    network = Vae(config, ())
    precision = precision_of_losses(network, batches.batch(0, 0.0)) if training.precision == "auto" else {
        "float32": "32-true", "bfloat16": "bf16-mixed"}[training.precision]  # fmt: skip
    average, clock = trained(network, batches, training, precision, asked.minutes)
    held_out = gathered.cached["val"].stack()[: asked.pictures].to(torch.float32).div_(255)
    began = time.perf_counter()
    nats = average.negative_log_likelihood(held_out, asked.samples)
    seconds = time.perf_counter() - began
    bound = average.negative_log_likelihood(held_out, 1)
    line = {
        "benchmark": "vae_likelihood", "minutes": asked.minutes, "seed": asked.seed, "set": asked.set,
        "pictures": len(held_out), "samples": asked.samples, "binarisation": config.binarisation,
        "nll_nats": rounded(nats), "negative_elbo_nats": rounded(bound),
        "active_units": average.active_units(held_out), "latents": config.latents, "steps": clock.step,
        "precision": precision, "evaluation_s": round(seconds, 1),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "threads": torch.get_num_threads(), "torch": torch.__version__,
    }  # fmt: skip
    print(json.dumps(line))


def trained(
    network: Vae, batches: SmallBatches, training: Training, precision: str, minutes: float
) -> tuple[Vae, loop.Clock]:
    """The averaged network after so many minutes, and the clock that counted its steps."""
    cuda = torch.cuda.is_available()
    fabric = Fabric(accelerator="cuda" if cuda else "cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    hooks = loop.Hooks(save=lambda state: None)
    with Meter() as meter:
        clock = loop.Clock(loop.Budget(minutes=minutes), batches.steps_per_epoch, meter)
        fit = functools.partial(loop.fit, network, batches.batch, ahead if cuda else at_once)
        average = fit(clock, training, fabric, hooks)
    assert isinstance(average, Vae)
    return average, clock


def rounded(values: Tensor) -> list[float]:
    """The mean over pictures, and its 95% interval by the standard error."""
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    return [round(one, 3) for one in (mean, mean - 1.96 * error, mean + 1.96 * error)]


if __name__ == "__main__":
    main()
