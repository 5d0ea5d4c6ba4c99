"""Where networks compute: on a GPU where there is one."""

import torch


def best_device() -> str:
    """Torch's name of it: "cuda" or "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
