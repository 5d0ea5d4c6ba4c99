"""clearsight: one CNN backbone, every vision task, and the whole truth about the model."""

__version__ = "0.1.0"
