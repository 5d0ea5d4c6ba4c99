"""Evidence to findings: one question per file. An audit sees no network and no picture."""

from .attacks import attacks as attacks
from .calibration import calibration as calibration
from .certified import certified as certified
from .confusion import confusion as confusion
from .copies import copies as copies
from .cost import cost as cost
from .deciding_alone import deciding_alone as deciding_alone
from .depixelising import depixelising as depixelising
from .errors import errors as errors
from .generated import generated as generated
from .group_drift import group_drift as group_drift
from .group_mix import group_mix as group_mix
from .groups import groups as groups
from .invented_attributes import invented_attributes as invented_attributes
from .invention import invention as invention
from .never import never as never
from .out_of_distribution import out_of_distribution as out_of_distribution
from .rates_by_group import rates_by_group as rates_by_group
from .recognised import recognised as recognised
from .restoration import restoration as restoration
from .scores import scores as scores
from .shared_clusters import shared_clusters as shared_clusters
from .slices import slices as slices
from .tone_shift import tone_shift as tone_shift
from .truncation import truncation as truncation
from .under_corruption import under_corruption as under_corruption
