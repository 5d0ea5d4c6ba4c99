from dataclasses import dataclass

import pytest

from clearsight.settings import choose, parse
from clearsight.types import Training


@dataclass(frozen=True, kw_only=True)
class Config:
    width: int = 96
    learn: bool = True
    backbone: str = "resnet18"
    learning_rate: float = 9.0


def test_words_become_fields_of_the_first_that_has_them():
    config, training = choose(
        parse(["width=64", "learn=no", "backbone = a=b", "batch-size=16", "zoom=0.5, 2", "learning_rate=1e-3"]),
        Config(),
        Training(),
    )
    assert config == Config(width=64, learn=False, backbone="a=b", learning_rate=1e-3)
    assert (training.batch_size, training.zoom) == (16, (0.5, 2.0))
    assert training.learning_rate == Training().learning_rate
    assert isinstance(training.batch_size, int) and isinstance(training.zoom[0], float)


def test_python_values_are_taken_as_they_are():
    config, training = choose({"width": 64.0, "learn": False, "zoom": [1, 1]}, Config(), Training())
    assert config.width == 64 and isinstance(config.width, int) and not config.learn and training.zoom == (1.0, 1.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"widht": "1"}, "Did you mean width"),
        ({"qqqq": "1"}, "Fields: .*batch_size.*width"),
        ({"width": "wide"}, "whole number, such as 96"),
        ({"width": "6.5"}, "whole number"),
        ({"batch_size": "inf"}, "whole number"),
        ({"batch_size": "nan"}, "whole number"),
        ({"batch_size": None}, "whole number"),
        ({"learning_rate": "fast"}, "a number"),
        ({"learn": "maybe"}, "true or false"),
        ({"zoom": "1"}, "Expected 2 values, such as 0.75,1.35"),
        ({"zoom": 1.5}, "Expected 2 values"),
        ({"zoom": "2,1"}, "the smaller first"),
        ({"batch_size": "0"}, "at least 1"),
        ({"weight_decay": "none"}, "a number"),
        ({"flips": "sideways"}, "sideways"),
    ],
)
def test_wrong_settings_are_one_clear_error(setting, message):
    with pytest.raises(ValueError, match=message):
        choose(setting, Config(), Training())


def test_a_word_without_a_value_is_refused():
    with pytest.raises(ValueError, match="field=value"):
        parse(["width=64", "fast"])


def test_former_names_are_understood_with_a_note_and_never_twice():
    from clearsight.architectures import FasterRcnn, Rcnn, Yolo
    from clearsight.settings import RenamedSetting, renamed

    with pytest.warns(RenamedSetting, match="most is now called max_detections"):
        config, _ = choose({"most": "7"}, Yolo.config_type(), Training())
    assert config.max_detections == 7
    assert renamed({"regions": 9, "width": 64}, FasterRcnn.config_type()) == {"training_proposals": 9, "width": 64}
    assert renamed({"regions": 9}, Rcnn.config_type()) == {"max_regions": 9}
    assert renamed({"nonsense": 1}, Yolo.config_type()) == {"nonsense": 1}
    with pytest.raises(ValueError, match="max_detections is given twice"):
        renamed({"most": 1, "max_detections": 2}, Yolo.config_type())


def test_every_former_name_leads_to_a_setting_that_exists_and_is_one_no_longer():
    import dataclasses

    from clearsight import catalogue
    from clearsight.settings import FORMER

    kinds = [
        part.load().config_type
        for room in ("architectures", "generators", "estimators")
        for part in catalogue.parts(room)
    ]
    present = {field.name for kind in (*kinds, Training) for field in dataclasses.fields(kind)}
    assert {new for names in FORMER.values() for new in names} <= present
    assert not set(FORMER) & present
