"""Damage to pictures by its degree: one corruption a file, each at five severities, from 1 to 5."""

from .brightness import BRIGHTNESS as BRIGHTNESS
from .contrast import CONTRAST as CONTRAST
from .defocus_blur import DEFOCUS_BLUR as DEFOCUS_BLUR
from .elastic import ELASTIC as ELASTIC
from .fog import FOG as FOG
from .gaussian_blur import GAUSSIAN_BLUR as GAUSSIAN_BLUR
from .gaussian_noise import GAUSSIAN_NOISE as GAUSSIAN_NOISE
from .glass_blur import GLASS_BLUR as GLASS_BLUR
from .impulse_noise import IMPULSE_NOISE as IMPULSE_NOISE
from .jpeg import JPEG as JPEG
from .motion_blur import MOTION_BLUR as MOTION_BLUR
from .overexposure import OVEREXPOSURE as OVEREXPOSURE
from .pixelate import PIXELATE as PIXELATE
from .rain import RAIN as RAIN
from .saturation import SATURATION as SATURATION
from .shot_noise import SHOT_NOISE as SHOT_NOISE
from .snow import SNOW as SNOW
from .speckle_noise import SPECKLE_NOISE as SPECKLE_NOISE
from .underexposure import UNDEREXPOSURE as UNDEREXPOSURE
from .zoom_blur import ZOOM_BLUR as ZOOM_BLUR
