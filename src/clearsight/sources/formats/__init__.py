"""The layouts that data come in, one file each.

The relative imports below are the register of formats, read as text by ``clearsight.catalogue``: one line, one format.
"""

from .class_folders import CLASS_FOLDERS as CLASS_FOLDERS
from .coco import COCO as COCO
from .digits import DIGITS as DIGITS
from .image_table import IMAGE_TABLE as IMAGE_TABLE
from .instance_masks import INSTANCES as INSTANCES
from .masks import MASKS as MASKS
from .pictures import PICTURES as PICTURES
from .voc import VOC as VOC
from .yolo import YOLO as YOLO
