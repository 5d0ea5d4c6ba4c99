"""The vocabulary of clearsight: one word and one type per concept. Read this room first.

Conventions, everywhere:

- pictures are RGB, ``uint8`` of shape ``3 h w`` as samples and ``float`` of shape ``b 3 h w`` in [0, 1] as batches;
- sizes are ``(height, width)``;
- boxes are absolute pixels ``x1 y1 x2 y2`` with ``0 <= x1 < x2 <= w`` and ``0 <= y1 < y2 <= h``;
- class ids start at 0; in detection the background has none; the ignore index of class maps is 255;
- probabilities sum to 1; units are part of a name (``_px``, ``_kwh``, ``_s``, ``kg_co2e``).
"""

from clearsight.types.data import Batch as Batch
from clearsight.types.data import Dataset as Dataset
from clearsight.types.data import Sample as Sample
from clearsight.types.degradation import Degradation as Degradation
from clearsight.types.evidence import Confidences as Confidences
from clearsight.types.evidence import Evidence as Evidence
from clearsight.types.evidence import Metric as Metric
from clearsight.types.evidence import S as S
from clearsight.types.evidence import Statistics as Statistics
from clearsight.types.evidence import Task as Task
from clearsight.types.evidence import Values as Values
from clearsight.types.evidence import Weights as Weights
from clearsight.types.guarantees import Decision as Decision
from clearsight.types.guarantees import Guarantee as Guarantee
from clearsight.types.guarantees import Promise as Promise
from clearsight.types.mitigation import AddedPictures as AddedPictures
from clearsight.types.mitigation import Change as Change
from clearsight.types.mitigation import Given as Given
from clearsight.types.mitigation import GroupedPictures as GroupedPictures
from clearsight.types.mitigation import GroupOffsets as GroupOffsets
from clearsight.types.mitigation import LastLayer as LastLayer
from clearsight.types.mitigation import Mitigation as Mitigation
from clearsight.types.mitigation import NewLastLayer as NewLastLayer
from clearsight.types.mitigation import PictureMaker as PictureMaker
from clearsight.types.mitigation import Retraining as Retraining
from clearsight.types.models import FLIPS as FLIPS
from clearsight.types.models import PRECISIONS as PRECISIONS
from clearsight.types.models import Adversarial as Adversarial
from clearsight.types.models import Backbone as Backbone
from clearsight.types.models import Generator as Generator
from clearsight.types.models import LatentGenerator as LatentGenerator
from clearsight.types.models import Losses as Losses
from clearsight.types.models import Model as Model
from clearsight.types.models import Training as Training
from clearsight.types.report import FEW_CLUSTERS as FEW_CLUSTERS
from clearsight.types.report import Audit as Audit
from clearsight.types.report import Card as Card
from clearsight.types.report import Cost as Cost
from clearsight.types.report import Example as Example
from clearsight.types.report import Finding as Finding
from clearsight.types.report import How as How
from clearsight.types.report import Plot as Plot
from clearsight.types.report import Question as Question
from clearsight.types.report import Request as Request
from clearsight.types.report import Stage as Stage
from clearsight.types.report import Verdict as Verdict
from clearsight.types.truths import IGNORE as IGNORE
from clearsight.types.truths import TRUTHS as TRUTHS
from clearsight.types.truths import UNKNOWN as UNKNOWN
from clearsight.types.truths import Abstained as Abstained
from clearsight.types.truths import Boxes as Boxes
from clearsight.types.truths import ClassMap as ClassMap
from clearsight.types.truths import ClassProbabilities as ClassProbabilities
from clearsight.types.truths import Detections as Detections
from clearsight.types.truths import Estimate as Estimate
from clearsight.types.truths import Features as Features
from clearsight.types.truths import InstanceDetections as InstanceDetections
from clearsight.types.truths import Instances as Instances
from clearsight.types.truths import Label as Label
from clearsight.types.truths import Labels as Labels
from clearsight.types.truths import Masks as Masks
from clearsight.types.truths import Picture as Picture
from clearsight.types.truths import Prediction as Prediction
from clearsight.types.truths import Scores as Scores
from clearsight.types.truths import Segmentation as Segmentation
from clearsight.types.truths import Size as Size
from clearsight.types.truths import State as State
from clearsight.types.truths import Truth as Truth
from clearsight.types.truths import Value as Value
