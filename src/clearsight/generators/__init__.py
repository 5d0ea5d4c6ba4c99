"""Networks that make pictures from noise, or from label maps: one per file; an import is the registration."""

from .dcgan import Dcgan as Dcgan
from .flow import Flow as Flow
from .gan import Gan as Gan
from .gan_2014 import Gan2014 as Gan2014
from .synthesis import Synthesis as Synthesis
from .vae import Vae as Vae
from .vq_vae import VqVae as VqVae
from .wgan_gp import WganGp as WganGp
