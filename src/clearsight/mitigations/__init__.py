"""What makes a classifier serve its groups more alike: one mitigation per file, all ``Given -> Change, ...``."""

from .balanced_sampling import balanced_sampling as balanced_sampling
from .class_balanced_loss import class_balanced_loss as class_balanced_loss
from .class_thresholds import class_thresholds as class_thresholds
from .fine_tuning import fine_tuning as fine_tuning
from .focal_loss import focal_loss as focal_loss
from .further_training import further_training as further_training
from .generated_pictures import generated_pictures as generated_pictures
from .group_dro import group_dro as group_dro
from .group_thresholds import group_thresholds as group_thresholds
from .last_layer import last_layer as last_layer
from .last_layer_dro import last_layer_dro as last_layer_dro
from .logit_adjustment import logit_adjustment as logit_adjustment
from .reweighting import reweighting as reweighting
