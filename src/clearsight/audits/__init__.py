"""Evidence to findings: one question per file. An audit sees no network and no picture."""

from .calibration import calibration as calibration
from .confusion import confusion as confusion
from .cost import cost as cost
from .errors import errors as errors
from .groups import groups as groups
from .restoration import restoration as restoration
from .scores import scores as scores
from .shared_clusters import shared_clusters as shared_clusters
