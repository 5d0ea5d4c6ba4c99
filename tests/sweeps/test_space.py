"""What is varied: every form of --vary, and what is not one."""

import pytest

from clearsight.sweeps.space import parse, said, stated


def test_every_form():
    rate, dropout, batch, widths, optimizer = parse(
        ["learning-rate=1e-4..1e-2:log", "dropout=0.0..0.5", "batch_size=8..64:log", "widths=64/512,256",
         "optimizer=adamw, muon"]
    )  # fmt: skip
    assert (rate.name, rate.kind, rate.low, rate.high, rate.whole) == ("learning_rate", "factor", 1e-4, 1e-2, False)
    assert (dropout.kind, dropout.whole) == ("number", False)
    assert (batch.kind, batch.whole, batch.count) == ("factor", True, 57)
    assert widths.values == ("64", "512,256") and optimizer.values == ("adamw", "muon") and optimizer.count == 2


def test_values_are_written_and_placed():
    rate, batch, optimizer = parse(["learning_rate=1e-4..1e-2:log", "batch_size=8..64", "optimizer=adamw,muon,sgd"])
    assert (
        rate.written(0.00123456) == "0.001235" and batch.written(15.7) == "16" and optimizer.written("muon") == "muon"
    )
    assert rate.place("0.001") == pytest.approx(0.5) and batch.place("36") == pytest.approx(0.5)
    assert optimizer.place("muon") == 0.5 and optimizer.place("sgd") == 1.0


def test_what_is_stated_is_read_back():
    words = ["learning_rate=0.0001..0.01:log", "dropout=0.0..0.5", "widths=64/512,256", "optimizer=adamw,muon"]
    space = parse(words)
    assert parse([stated(one) for one in space])[2:] == space[2:]
    assert parse([stated(space[0])])[0] == space[0]
    assert said({"a": "1", "b": "x"}) == "a=1, b=x"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("learning_rate", "varies nothing"),
        ("=1..2", "varies nothing"),
        ("a=", "varies nothing"),
        ("a=1", "fewer than two different values"),
        ("a=x,x", "fewer than two different values"),
        ("a=x,,y", "fewer than two different values"),
        ("a=2..1", "no range"),
        ("a=1..1", "no range"),
        ("a=0..inf", "no range"),
        ("a=low..high", "no numbers"),
        ("a=0..1:log", "begins above 0"),
        ("a=1..2:cube", "Expected :log"),
    ],
)
def test_what_is_no_form(word, message):
    with pytest.raises(ValueError, match=message):
        parse([word])


def test_a_name_is_varied_once():
    with pytest.raises(ValueError, match="a is varied twice"):
        parse(["a=1..2", "b=x,y", "a=3..4"])
