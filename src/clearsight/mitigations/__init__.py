"""What makes a classifier serve its groups more alike: one mitigation per file, all ``Given -> Change, ...``."""

from .balanced_sampling import balanced_sampling as balanced_sampling
from .class_balanced_loss import class_balanced_loss as class_balanced_loss
from .focal_loss import focal_loss as focal_loss
from .group_dro import group_dro as group_dro
from .group_thresholds import group_thresholds as group_thresholds
from .last_layer import last_layer as last_layer
from .logit_adjustment import logit_adjustment as logit_adjustment
from .reweighting import reweighting as reweighting
