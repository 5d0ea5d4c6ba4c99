"""Networks that make pictures from noise: one per file; an import is the registration."""

from .flow import Flow as Flow
from .vae import Vae as Vae
