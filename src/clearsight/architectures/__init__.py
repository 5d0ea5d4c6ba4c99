"""One architecture per file; an import is the registration."""

from .yolo import Yolo as Yolo
