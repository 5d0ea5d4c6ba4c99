"""Decoders: feature maps of a backbone, fine to coarse, to one map of class logits. Add a new one here."""

from clearsight.architectures.decoders.deconvnet import DeconvNet
from clearsight.architectures.decoders.fcn import Fcn
from clearsight.architectures.decoders.light import Light
from clearsight.architectures.decoders.unet import Unet

DECODERS: dict[str, type[Fcn] | type[DeconvNet] | type[Unet] | type[Light]] = {
    "light": Light,
    "fcn": Fcn,
    "deconvnet": DeconvNet,
    "unet": Unet,
}
