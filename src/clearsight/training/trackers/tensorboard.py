"""TensorBoard: event files in the folder ``tensorboard`` of the run, for ``tensorboard --logdir runs``."""

from collections.abc import Mapping

from clearsight.run import Run, State

FOLDER = "tensorboard"


class TensorBoard:
    """Scalars and texts in event files; a resumed run goes on in the same folder."""

    def __init__(self, run: Run, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What a killed sitting wrote after its last checkpoint is trained again, so its points are withdrawn.
        self._writer = SummaryWriter(run.path / FOLDER, purge_step=step + 1 if step else None)

    def write(self, numbers: Mapping[str, float], texts: Mapping[str, str], step: int) -> None:
        """One line of the log."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)
        for name, text in texts.items():
            self._writer.add_text(name, text, step)
        self._writer.flush()

    def close(self, state: State) -> None:
        """Close the event file."""
        self._writer.close()
