"""Data of any layout to checked data sets.

The relative imports below are the register of formats, read as text by ``clearsight.catalogue``: one line, one format.
Everything else the room offers is imported by its absolute name, which registers nothing.
"""

from clearsight.sources.cache import CachedDataset as CachedDataset
from clearsight.sources.cache import cached as cached
from clearsight.sources.describe import Description as Description
from clearsight.sources.describe import describe as describe
from clearsight.sources.problems import DataError as DataError
from clearsight.sources.reading import read as read
from clearsight.sources.records import PictureDataset as PictureDataset
from clearsight.sources.records import Record as Record
from clearsight.sources.records import Source as Source
from clearsight.sources.records import records_of as records_of

from .class_folders import CLASS_FOLDERS as CLASS_FOLDERS
from .coco import COCO as COCO
from .digits import DIGITS as DIGITS
from .image_table import IMAGE_TABLE as IMAGE_TABLE
from .instance_masks import INSTANCES as INSTANCES
from .masks import MASKS as MASKS
from .voc import VOC as VOC
from .yolo import YOLO as YOLO
