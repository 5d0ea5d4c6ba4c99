"""Exported detectors, run without torch: pictures in, boxes in numpy out.

An export is a model file (``.onnx``, ``.xml`` with its ``.bin``, or ``.pt``) and a JSON beside it
(``model.onnx.json``), which describes its inputs and outputs (see ``description``).
"""

from clearsight.exported.description import Description as Description
from clearsight.exported.detector import ExportedDetector as ExportedDetector
from clearsight.exported.detector import Found as Found
from clearsight.exported.detector import load_exported as load_exported
from clearsight.exported.formats import SUFFIXES as SUFFIXES
