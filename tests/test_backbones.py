"""Trunks: what they say of their maps is true, and weights come in only where they fit."""

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from clearsight.backbones import TimmBackbone, build
from clearsight.types import Backbone

NAMES = (
    "test_resnet",
    "mobilenetv4_conv_small_035",
    "regnetx_002",
    "convnext_atto",
    "efficientnet_b0",
    "hrnet_w18_small",
)


@pytest.mark.parametrize("name", NAMES)
def test_maps_are_as_announced(name: str) -> None:
    backbone = build(name).eval()
    assert isinstance(backbone, Backbone)
    for height, width in ((64, 96), (101, 77), (33, 64)):
        maps = backbone(torch.rand(2, 3, height, width))
        assert len(maps) == 3
        for found, channels, stride in zip(maps, backbone.channels, backbone.strides, strict=True):
            assert found.shape[:2] == (2, channels)
            assert found.shape[2] in (height // stride, -(-height // stride))
            assert found.shape[3] in (width // stride, -(-width // stride))
        if height % 32 == width % 32 == 0:
            assert [tuple(found.shape[2:]) for found in maps] == [(height // s, width // s) for s in (8, 16, 32)]


@pytest.mark.parametrize("strides", [(4, 8), (16,), (2, 32), (4, 8, 16, 32)])
def test_strides_are_chosen(strides: tuple[int, ...]) -> None:
    backbone = build("test_resnet", strides=strides)
    assert backbone.strides == strides
    maps = backbone(torch.rand(1, 3, 64, 64))
    assert [found.shape[2] for found in maps] == [64 // stride for stride in strides]


def test_a_network_of_multiples_takes_any_size_at_fine_strides_too() -> None:
    maps = build("hrnet_w18_small", strides=(4, 8)).eval()(torch.rand(1, 3, 37, 41))
    assert [tuple(found.shape[2:]) for found in maps] == [(10, 11), (5, 6)]


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channel_counts(channels: int) -> None:
    backbone = build("test_resnet", in_channels=channels)
    assert backbone(torch.rand(2, channels, 64, 64))[0].shape == (2, backbone.channels[0], 8, 8)


def test_pictures_are_normalised_inside() -> None:
    backbone = build("resnet18", strides=(4,)).eval()
    assert isinstance(backbone, TimmBackbone)
    images = torch.rand(1, 3, 32, 32)
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    torch.testing.assert_close(backbone(images)[0], backbone.network((images - mean) / std)[0])
    assert not any(name == "mean" or name == "std" for name in backbone.state_dict())


def test_the_trial_network_costs_no_random_numbers() -> None:
    torch.manual_seed(3)
    ours = build("test_resnet").state_dict()
    torch.manual_seed(3)
    theirs = timm.create_model("test_resnet", features_only=True, out_indices=[2, 3, 4]).state_dict()
    assert {f"network.{name}" for name in theirs} == set(ours)
    assert all(torch.equal(ours[f"network.{name}"], tensor) for name, tensor in theirs.items())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet81", r"no backbone named 'resnet81'.*resnet18"),
        ("resnet18.bogus", "no weights named 'bogus'.*a1_in1k"),
        ("hf-hub:timm/resnet18", "no backbone named"),
        ("../resnet18", "no backbone named"),
        ("", "no backbone named"),
        ("vit_tiny_patch16_224", "no map of stride 8 or 32; it has 16"),
        ("swin_tiny_patch4_window7_224", "no feature maps"),
    ],
)
def test_wrong_names(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(name)


def test_wrong_strides_and_channels() -> None:
    with pytest.raises(ValueError, match="no map of stride 3; it has 2, 4, 8, 16, 32"):
        build("test_resnet", strides=(3, 8))
    for strides in ((), (16, 8), (8, 8), (0, 8)):
        with pytest.raises(ValueError, match="not ascending"):
            build("test_resnet", strides=strides)
    with pytest.raises(ValueError, match="cannot have 0 channels"):
        build("test_resnet", in_channels=0)


@pytest.mark.parametrize("name", ["convnext_atto", "test_resnet"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.encoder."])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_of_the_whole_network_from_a_file(tmp_path: Path, name: str, prefix: str, suffix: str) -> None:
    whole = timm.create_model(name).eval()
    path = tmp_path / f"weights{suffix}"
    weights = {f"{prefix}{key}": tensor for key, tensor in whole.state_dict().items()}
    save_file(weights, path) if suffix == ".safetensors" else torch.save({"state_dict": weights}, path)
    backbone = build(name, strides=(32,), pretrained=path).eval()
    images = torch.rand(1, 3, 64, 64)
    maps = whole.forward_features((images - backbone.mean) / backbone.std)
    if name == "test_resnet":  # convnext ends in a normalisation that belongs to its head
        torch.testing.assert_close(backbone(images)[0], maps)
    first = next(iter(backbone.network.state_dict().values()))
    assert torch.equal(first, next(iter(whole.state_dict().values())))


def test_colour_weights_on_grey_pictures_see_the_same(tmp_path: Path) -> None:
    colour = build("test_resnet", strides=(2,)).eval()
    save_file(colour.state_dict(), tmp_path / "colour.safetensors")
    grey = build("test_resnet", strides=(2,), in_channels=1, pretrained=tmp_path / "colour.safetensors").eval()
    name = next(iter(colour.network.state_dict()))
    torch.testing.assert_close(grey.network.state_dict()[name], colour.network.state_dict()[name].sum(1, keepdim=True))


def a_run(folder: Path, backbone: TimmBackbone, named: str | None = None) -> Path:
    folder.mkdir()
    weights = {f"backbone.{key}": tensor.clone() for key, tensor in backbone.state_dict().items()}
    save_file(weights | {"head.network.conv1.weight": torch.zeros(3)}, folder / "weights.safetensors")
    (folder / "run.json").write_text(json.dumps({"version": 1, "backbone": named or backbone.name}))
    return folder


@pytest.mark.parametrize(("strides", "channels"), [((8, 16, 32), 3), ((4, 8), 3), ((8, 16, 32), 1)])
def test_the_backbone_of_a_run(tmp_path: Path, strides: tuple[int, ...], channels: int) -> None:
    first = build("test_resnet").eval()
    path = a_run(tmp_path / "first", first)
    second = build(f"run:{path}", strides=strides, in_channels=channels).eval()
    assert second.name == "test_resnet"
    assert second.strides == strides
    if channels == 3:
        images = torch.rand(1, 3, 64, 64)
        assert torch.equal(second(images)[strides.index(8)], first(images)[0])


def test_no_backbone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no run\.json and no weights\.safetensors"):
        build(f"run:{tmp_path}/nothing")
    path = a_run(tmp_path / "first", build("test_resnet"), named="run:elsewhere")
    with pytest.raises(ValueError, match="names the backbone 'run:elsewhere'"):
        build(f"run:{path}")
    with pytest.raises(ValueError, match="brings its own weights"):
        build(f"run:{path}", pretrained=True)
    path = a_run(tmp_path / "second", build("test_resnet"), named="resnet18")
    with pytest.raises(ValueError, match=r"do not fit resnet18 .* of 100 tensors match"):
        build(f"run:{path}")
    path = a_run(tmp_path / "third", build("test_resnet", in_channels=5))
    with pytest.raises(ValueError, match="do not fit test_resnet with 3 channels"):
        build(f"run:{path}")


class Hostile:
    """Pickled, this would make a file."""

    def __reduce__(self) -> tuple:
        return (open, ("hostile-was-here", "w"))


def test_wrong_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no file"):
        build("test_resnet", pretrained=Path("absent.safetensors"))
    with pytest.raises(ValueError, match="no weight file"):
        build("test_resnet", pretrained=Path("absent.pth"))
    for name in ("garbage.safetensors", "garbage.pth"):
        Path(name).write_bytes(b"\x80\x04garbage" * 9)
        with pytest.raises(ValueError, match="damaged"):
            build("test_resnet", pretrained=Path(name))
    torch.save({"conv1.weight": Hostile()}, "hostile.pth")
    with pytest.raises(ValueError, match="more than tensors"):
        build("test_resnet", pretrained=Path("hostile.pth"))
    assert not Path("hostile-was-here").exists()
    torch.save([1, 2], "list.pth")
    with pytest.raises(ValueError, match="holds a list"):
        build("test_resnet", pretrained=Path("list.pth"))
    save_file(timm.create_model("test_efficientnet").state_dict(), "other.safetensors")
    with pytest.raises(ValueError, match=r"\d+ of \d+ tensors match"):
        build("test_resnet", pretrained=Path("other.safetensors"))


def test_pretrained_weights_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="could not download the pretrained weights of test_resnet.*give the file"):
        build("test_resnet", pretrained=True)
    with pytest.raises(ValueError, match="no pretrained weights for regnetz_005"):
        build("regnetz_005", pretrained=True)
