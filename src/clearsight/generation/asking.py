"""What is asked of a trained generator: which classes its pictures are to show."""

from collections.abc import Sequence

from clearsight.prediction import writing
from clearsight.run import Run


def labels_for(run: Run, asked: Sequence[str], count: int) -> list[int] | None:
    """The class id of each of so many pictures: those asked for in turn, all where none is named.

    None where the generator knows no classes; raises ValueError where some are asked of it, or one it does not know.
    """
    config = run.config
    if not config.settings["model"].get("conditional"):
        if asked:
            raise ValueError(
                f"{run.path} was not trained to make pictures of a class. Leave --class out, or train a generator that "
                "learns classes, such as gan with --set conditional=true."
            )
        return None
    ids = writing.class_ids(asked, config.class_names) or tuple(range(len(config.class_names)))
    return [ids[k % len(ids)] for k in range(count)]
