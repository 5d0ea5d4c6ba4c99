"""The experiment itself: what is trained on what, and that it tells help from no help."""

import pytest
import torch

from clearsight.console.signals import Stop
from clearsight.energy.meter import Meter
from clearsight.generation.sifting import Sifted
from clearsight.rare_classes import arms, experiment
from clearsight.rare_classes.arms import Arm
from clearsight.rare_classes.folder import Design, Folder
from clearsight.rare_classes.verdict import judged
from clearsight.training.loop import Budget, Interrupted

RARE = 10

MLP = {"widths": "64", "batch_size": 15, "precision": "float32", "learning_rate": 3e-3}
DESIGN = Design(
    data="shapes", class_name="disc", run=None, model="vae", settings={}, generator_minutes=None, generator_epochs=1,
    ratios=(6.0,), seeds=3, classifier="mlp", classifier_settings=MLP, minutes=None, epochs=8,
)  # fmt: skip


def experimented(place, material, pictures, stop=None):
    """All trainings with these pictures of each seed in place of a generator's."""
    folder = Folder(place) if (place / "design.json").exists() else Folder.create(place, DESIGN)
    for seed in range(3):
        folder.keep_generated(seed, Sifted(images=pictures(seed), made=60, of_training=0, of_held_out=0,
                                           copies=torch.zeros(0, 2, 3, 16, 16, dtype=torch.uint8)))  # fmt: skip
    recipe = experiment.recipe_for("mlp", MLP, material)
    with Meter() as meter:
        experiment.train_all(folder, material, DESIGN.ratios, range(3), Budget(epochs=8), recipe, meter,
                             stop or Stop(), quiet=True)  # fmt: skip
    return folder


def judgement(folder, material):
    found, one = experiment.evaluations(folder, material, DESIGN.ratios, range(3))
    assert one.steps == 80
    return judged(found, "disc", material.clusters)


@pytest.fixture(scope="module")
def perfect(tmp_path_factory, material, fresh_discs):
    """The experiment of a generator that makes new discs anywhere."""
    place = tmp_path_factory.mktemp("perfect") / "e"
    return experimented(place, material, lambda seed: fresh_discs(60, seed))


def test_what_a_perfect_generator_adds_is_seen_to_help(perfect, material):
    found = judgement(perfect, material)
    assert found.verdict == "helps", found
    assert found.gain("recall").value > 0.2


def test_copies_of_the_training_pictures_are_not_seen_to_help(tmp_path, material):
    own = material.train.stack()[arms.rows_of(material.train, material.label)]
    found = judgement(experimented(tmp_path / "e", material, lambda seed: own.repeat(6, 1, 1, 1)), material)
    assert found.verdict == "no evidence of help", found


def test_an_interrupted_experiment_keeps_what_it_finished_and_ends_the_same(tmp_path, material, fresh_discs, perfect):
    class Late(Stop):
        """Asks to stop in the middle of the fourth training."""

        steps = 0

        def asked(self):
            self.steps += 1
            return self.steps > 3 * 81 + 40

    place = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        experimented(place, material, lambda seed: fresh_discs(60, seed), Late())
    finished = sorted((place / "trainings").iterdir())
    assert len(finished) == 3
    before = {path: path.stat().st_mtime_ns for path in finished}
    resumed = experimented(place, material, lambda seed: fresh_discs(60, seed))
    assert {path: path.stat().st_mtime_ns for path in finished} == before
    for arm in arms.arms_of(DESIGN.ratios):
        for seed in range(3):
            one, other = resumed.trained(arm, seed), perfect.trained(arm, seed)
            assert (one.probabilities == other.probabilities).all() and one.steps == other.steps
    assert resumed.cost().seconds > 0


@pytest.mark.parametrize("method", [arms.NOTHING, *arms.ALTERNATIVES, arms.GENERATED])
def test_each_method_shows_the_class_as_often_as_its_ratio_says(material, method, fresh_discs):
    ratio = 0.0 if method == arms.NOTHING else 3.0
    generated = fresh_discs(40, 0)
    dataset, weighting = arms.material(Arm(method=method, ratio=ratio), material.train, material.label, 5, generated)
    truths = torch.tensor([dataset.truth(row).index for row in range(len(dataset))])
    rare = truths == material.label
    factors = (weighting.draws if weighting.draws is not None else torch.ones(len(dataset))) * (
        weighting.losses if weighting.losses is not None else torch.ones(len(dataset))
    )
    assert float(factors[rare].sum()) == RARE * (1 + ratio) and float(factors[~rare].sum()) == int((~rare).sum())
    assert torch.equal(dataset.stack()[: len(material.train)], material.train.stack())
    added = dataset.stack()[len(material.train) :]
    if method == arms.GENERATED:
        assert torch.equal(added, generated[:30])
    if method == arms.CLASSICAL:
        assert len(added) == 30 and len(added.flatten(1).unique(dim=0)) == 30
        again = arms.material(Arm(method=method, ratio=ratio), material.train, material.label, 5, generated)[0]
        assert torch.equal(again.stack(), dataset.stack())
    assert len({record.id for record in dataset.records}) == len(dataset)


def test_data_that_changed_meanwhile_are_refused(perfect, gathered, fresh_discs):
    other = experiment.material_of(gathered, (16, 16), "disc")
    former, other.held_out.fingerprint = other.held_out.fingerprint, "another"
    with pytest.raises(ValueError, match="has changed"):
        experimented(perfect.path, other, lambda seed: fresh_discs(60, seed))
    other.held_out.fingerprint = former
