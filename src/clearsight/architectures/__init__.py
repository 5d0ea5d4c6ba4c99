"""One architecture per file; an import is the registration."""

from .autoencoder import Autoencoder as Autoencoder
from .classifier import Classifier as Classifier
from .cnn import Cnn as Cnn
from .colour import Colour as Colour
from .colour_adversarial import ColourAdversarial as ColourAdversarial
from .denoiser import Denoiser as Denoiser
from .encoder_decoder import EncoderDecoder as EncoderDecoder
from .faster_rcnn import FasterRcnn as FasterRcnn
from .mask_rcnn import MaskRcnn as MaskRcnn
from .mlp import Mlp as Mlp
from .pixel_recursive import PixelRecursive as PixelRecursive
from .rcnn import Rcnn as Rcnn
from .super_resolution import SuperResolution as SuperResolution
from .yolo import Yolo as Yolo
from .yolo_v1 import YoloV1 as YoloV1
