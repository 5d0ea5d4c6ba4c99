"""What is asked after a name that nothing has."""

from clearsight.suggestions import asked_after, did_you_mean


def test_the_nearest_are_named_best_first_and_three_at_most():
    assert did_you_mean("colr", ["size", "colour", "color"]) == "Did you mean color or colour?"
    assert did_you_mean("aaaa", ["aaab", "aaac", "aaad", "aaae"]).count(" or ") == 2


def test_what_is_said_otherwise_and_how_words_are_shown():
    assert did_you_mean("zzz", ["size"], "Known: size.") == "Known: size."
    assert did_you_mean("zzz", []) == "" == asked_after([])
    assert did_you_mean("siz", {"size": 1}, show=str.upper) == "Did you mean SIZE?"
    assert did_you_mean("abcd", ["abxy"], "none", cutoff=0.4) == "Did you mean abxy?"
    assert did_you_mean("abcd", ["abxy"], "none", cutoff=0.6) == "none"
