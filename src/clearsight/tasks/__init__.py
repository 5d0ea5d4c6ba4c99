"""What a truth and a prediction are, and how predictions become statistics: one task per file."""

from .classification import Classification as Classification
from .detection import Detection as Detection
from .generation import Generation as Generation
from .instance_segmentation import InstanceSegmentation as InstanceSegmentation
from .reconstruction import Reconstruction as Reconstruction
from .regression import Regression as Regression
from .segmentation import SemanticSegmentation as SemanticSegmentation
from .tagging import Tagging as Tagging
