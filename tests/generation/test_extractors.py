"""Feature extractors: what they learn, that they are cached, hashed and deterministic, and bad input."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from clearsight.generation import extractor_cache, extractors, fitting
from clearsight.generation.extractors import extractors_for
from clearsight.generation.pictures import Pictures, Resizer, quantised
from clearsight.generation.projection import Projection


def striped(count, seed=0, side=16):
    """Three classes: vertical, horizontal and diagonal stripes under noise."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, 3, count)
    rows, columns = np.mgrid[0:side, 0:side]
    phase = random.uniform(0, 6, (count, 1, 1))
    angle = np.stack([columns, rows, rows + columns])[classes] + phase
    grey = 127 + 80 * np.sin(angle) + random.normal(0, 30, (count, side, side))
    images = torch.from_numpy(np.clip(grey, 0, 255).astype(np.uint8))[:, None].expand(-1, 3, -1, -1).contiguous()
    return Pictures(images=images, ids=tuple(map(str, range(count))), classes=torch.from_numpy(classes))


@pytest.fixture(scope="module", autouse=True)
def few_steps(tmp_path_factory):
    """Short trainings, and a cache of this file's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "STEPS", (150, 150))
        patch.setenv("CLEARSIGHT_CACHE", str(tmp_path_factory.mktemp("extractors")))
        yield


@pytest.fixture(scope="module")
def train():
    return striped(600)


@pytest.fixture(scope="module")
def pair(train):
    return extractors_for(train, "stripes", ("a", "b", "c"))


def test_the_first_is_a_classifier_that_has_learned(pair):
    own, second = pair
    new = striped(200, seed=1)
    probabilities = own.classes(new.images)
    assert own.knows_classes and not second.knows_classes
    assert probabilities.sum(1).numpy() == pytest.approx(np.ones(200), abs=1e-4)
    assert float((probabilities.argmax(1) == new.classes).float().mean()) > 0.9
    with pytest.raises(ValueError, match="knows no classes"):
        second.classes(new.images)


def test_features_are_on_one_scale_and_do_not_depend_on_batches(pair, train):
    for one in pair:
        found = one(train.images)
        assert found.dtype == torch.float32 and found.shape[0] == 600 and found.shape[1] <= 128
        assert float(found.mean(0).abs().max()) < 0.2 and float(found.square().mean()) == pytest.approx(1, rel=0.05)
        assert torch.allclose(one(train.images[300:305]), found[300:305], atol=1e-4)
        assert one(train.images[:0]).shape == (0, found.shape[1])


def test_a_second_time_nothing_is_trained(pair, train, monkeypatch):
    monkeypatch.setattr(extractors, "learned", lambda *given: pytest.fail("it was trained again"))
    again = extractors_for(train, "stripes", ("a", "b", "c"))
    for one, other in zip(pair, again, strict=True):
        assert one.digest == other.digest
        assert torch.equal(one(train.images[:50]), other(train.images[:50]))


def test_a_damaged_file_is_made_again(pair, train):
    files = sorted(extractor_cache.folder().glob("*.safetensors"))
    assert len(files) == 2
    for path in files:
        path.write_bytes(path.read_bytes()[:1000])
    again = extractors_for(train, "stripes", ("a", "b", "c"))
    assert [one.digest for one in again] == [one.digest for one in pair], "the seed decides"


def test_other_data_and_seeds_give_others(pair, train):
    other = extractors_for(train, "stripes", ("a", "b", "c"), seed=1)
    assert all(one.digest != two.digest for one, two in zip(pair, other, strict=True))


def test_without_classes_it_learns_to_remove_noise(train):
    before = torch.random.get_rng_state()
    plain = Pictures(images=train.images[:200], ids=train.ids[:200])
    own, _ = extractors_for(plain, "plain", ())
    assert own.name == extractors.DENOISER and not own.knows_classes
    assert bool((torch.random.get_rng_state() == before).all()), "the global random state is left alone"
    found = own(striped(300, seed=2).images)
    classes = striped(300, seed=2).classes
    nearest = (torch.cdist(found, found) + 1e9 * torch.eye(300)).argmin(1)
    assert float((classes[nearest] == classes).float().mean()) > 0.6, "a third would be chance"


def test_a_weights_file_of_the_user(train, tmp_path):
    import timm

    torch.manual_seed(0)
    network = timm.create_model("resnet18", features_only=True)
    path = tmp_path / "resnet18.mine.safetensors"
    save_file(network.state_dict(), path)
    few = train.select(range(60))
    own, named = extractors_for(few, "few", ("a", "b", "c"), weights=path)
    assert named.name == "resnet18" and own.name == extractors.CLASSIFIER
    assert named(few.images).shape[0] == 60 and named(few.images).shape[1] <= 128
    with pytest.raises(ValueError, match="no backbone named"):
        extractors_for(few, "few", ("a", "b", "c"), weights=tmp_path / "nonsense.safetensors")


def test_too_few_pictures_are_refused(train):
    with pytest.raises(ValueError, match="at least 10"):
        extractors_for(train.select(range(5)), "five")


def test_resizing_keeps_what_fits():
    resizer = Resizer(at_least_px=8, at_most_px=16)
    assert resizer(torch.zeros(2, 3, 10, 12, dtype=torch.uint8)).shape == (2, 3, 10, 12)
    assert resizer(torch.zeros(2, 3, 40, 20, dtype=torch.uint8)).shape == (2, 3, 16, 8)
    assert resizer(torch.zeros(2, 3, 4, 2, dtype=torch.uint8)).shape == (2, 3, 8, 4)
    chequered = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    chequered[..., ::2] = 255
    assert torch.allclose(resizer(chequered), torch.full((1, 3, 16, 16), 0.5)), "areas are averaged, not sampled"


def test_pictures_are_rounded_and_refused_where_not_finite():
    assert quantised(torch.tensor([0.0, 0.4999, 1.0, 1.7]).view(1, 1, 1, 4)).flatten().tolist() == [0, 127, 255, 255]
    with pytest.raises(ValueError, match="1 of 2 generated pictures"):
        quantised(torch.tensor([0.0, float("nan")]).view(2, 1, 1, 1))
    with pytest.raises(ValueError, match="one of each"):
        Pictures(images=torch.zeros(2, 3, 4, 4, dtype=torch.uint8), ids=("a",))


def test_a_projection_keeps_proportions_and_the_largest_directions():
    random = torch.Generator().manual_seed(0)
    raw = torch.randn(500, 6, generator=random) * torch.tensor([5.0, 3.0, 1.0, 0.1, 0.1, 0.0]) + 4
    scaled, principal = Projection.scaled(raw)(raw), Projection.principal(raw, 2)(raw)
    ratio = torch.cdist(scaled[:20], scaled[:20]) / torch.cdist(raw[:20], raw[:20]).clamp(min=1e-9)
    off = ratio[~torch.eye(20, dtype=torch.bool)]
    assert float(off.std() / off.mean()) < 1e-3
    assert abs(float(np.corrcoef(principal[:, 0], raw[:, 0])[0, 1])) > 0.99
    drawn = Projection.random(raw, 4, torch.Generator().manual_seed(1))
    assert drawn(raw).shape == (500, 4) and bool(torch.isfinite(drawn(raw)).all())
