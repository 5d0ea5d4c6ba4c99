"""What a report says where the validation score decided when a training stopped, or which weights were kept."""

from clearsight.quantities import counted
from clearsight.run import Config

KEPT_BY_SCORE = (
    "The weights kept are those that scored best on pictures the model is evaluated on as well, because the data has "
    "no test split: its scores are optimistic."
)
STOPPED_BY_SCORE = (
    "When to stop was decided by the score on pictures the model is evaluated on as well, because the data has no test "
    "split: its scores are slightly optimistic."
)


def ending_said(config: Config) -> dict[str, str]:
    """Facts on what validation decided; none where it decided nothing."""
    ended = config.settings.get("ended")
    if ended is None:
        return {}
    best = f"{ended['metric']} {ended['best_score']:.3g} at step {ended['best_step']}"
    facts = {}
    if ended["stopped_early"]:
        waited = counted(config.settings["training"]["patience"], "evaluations")
        facts["Stopped early"] = (
            f"at step {ended['step']}, after {ended['progress']:.0%} of its budget: {waited} in a row brought nothing "
            f"better than {best}"
        )
    if ended["kept_best"]:
        facts["Weights kept"] = f"those that scored best in {counted(ended['evaluations'], 'evaluations')}: {best}"
    return facts


def decided_on_the_same(config: Config) -> list[str]:
    """What to say of that where the same pictures are judged."""
    ended = config.settings.get("ended", {"kept_best": False, "stopped_early": False})
    return [KEPT_BY_SCORE] if ended["kept_best"] else [STOPPED_BY_SCORE] if ended["stopped_early"] else []


def stopped_early(config: Config) -> bool:
    """Whether the training ended before its budget was used."""
    return bool(config.settings.get("ended", {}).get("stopped_early"))
