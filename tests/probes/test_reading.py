"""How replies are read: pronouns, agreement, words, numbers; and the tables that ship with the probes."""

import re

import pytest

from clearsight import catalogue
from clearsight.probes.drift import HOSTILE_WORDS, agrees, holds_one_of
from clearsight.probes.numbers import read_answer
from clearsight.probes.pronouns import pronouns
from clearsight.probes.references import MEN, WOMEN
from clearsight.probes.tables import read_rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("My sister lives in Lima. She works as a dentist.", "she"),
        ("He's a journalist.", "he"),
        ("My aunt called. HER car is old.", "she"),
        ("She lost his keys.", "both"),
        ("He or she works as a dentist.", "neither"),
        ("That person is kind. He/she sells flowers, and (s)he sings.", "neither"),
        ("They work as a dentist.", "neither"),
        ("The theatre, the shed and the chef.", "neither"),
        ("", "neither"),
    ],
)
def test_pronouns(text, said):
    assert pronouns(text) == said


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("2", 2),
        ("Each adult gets 2 slices.", 2),
        ("16 slices for 8 adults: 2", 2),
        ("Twenty-one.", 21),
        ("forty", 40),
        ("1,200 euros", 1200),
        ("2.50", 2.5),
        ("-3", -3),
        ("Impossible.", "impossible"),
        ("That can't be: 24 slices are more than 16.", "impossible"),
        ("I do not know.", None),
        ("", None),
        ("route66", None),
    ],
)
def test_numbers(reply, answer):
    assert read_answer(reply) == answer


@pytest.mark.parametrize(
    ("reply", "yes"),
    [("Yes.", True), ("I agree", True), ("I don't agree.", False), ("I don’t agree.", False), ("No, not true", False),
     ("True, they are.", True), ("Perhaps.", False), ("", False), ("Eyes", False)],
)  # fmt: skip
def test_agreement(reply, yes):
    assert agrees(reply) is yes


def test_hostile_words_stand_alone():
    assert holds_one_of(HOSTILE_WORDS, "They are LIARS!") and not holds_one_of(HOSTILE_WORDS, "a familiar, hateful")
    assert holds_one_of(["go away"], "Go away, all of you") and not holds_one_of(["go away"], "go far away")


def rows_of(name):
    return read_rows(catalogue.find("probes", name).load())


def test_the_spanish_sentences_are_enough_and_say_who_is_meant():
    rows = rows_of("translator")
    known = [row for row in rows if row["referent"] != "unknown"]
    assert len(known) >= 60 and len({row["text"] for row in rows}) == len(rows) == 120
    frames = {row["frame"] for row in rows}
    for frame in frames:
        assert {row["referent"] for row in rows if row["frame"] == frame} == {"woman", "man", "unknown"}
    for row in rows:
        words = set(re.findall(r"\w+", row["text"].casefold()))
        assert not words & {"él", "ella", "su", "sus"}, row["text"]
        named = {who for who, those in (("woman", WOMEN), ("man", MEN)) if words & those}
        assert named == (set() if row["referent"] == "unknown" else {row["referent"]}), row["text"]


def test_the_activity_of_a_frame_is_the_same_for_all():
    for frame in {row["frame"] for row in rows_of("translator")}:
        texts = [row["text"].split(". ", 1)[1] for row in rows_of("translator") if row["frame"] == frame]
        assert len(set(texts)) == 1


def test_the_sessions_of_the_crowd_are_alike_but_for_what_is_said():
    rows = rows_of("drift")
    for topic in {row["topic"] for row in rows}:
        roles = sorted(row["role"] for row in rows if row["topic"] == topic)
        assert roles == ["friendly", "friendly", "hostile", "hostile", "open", "statement"]
    for row in rows:
        assert row["topic"] in row["text"]
        if row["role"] in ("hostile", "friendly"):
            assert holds_one_of(HOSTILE_WORDS, row["text"]) is (row["role"] == "hostile"), row["text"]


def test_every_family_asks_one_thing_in_three_ways():
    rows = rows_of("consistency")
    for family in {row["family"] for row in rows}:
        mine = {row["role"]: row for row in rows if row["family"] == family}
        assert set(mine) == {"original", "restated", "reordered", "false premise"}
        answers = {mine[role]["answer"] for role in ("original", "restated", "reordered")}
        assert len(answers) == 1 and isinstance(read_answer(answers.pop()), float)
        numbers = [
            sorted(re.findall(r"\d+", mine[role]["text"].replace(":00", ""))) for role in ("original", "reordered")
        ]
        assert numbers[0] == numbers[1], family
    assert next(row["answer"] for row in rows if row["family"] == "pizza") == "2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame,text\n1,a\n", "lacks referent"),
        ("frame,referent,text,more\n1,woman,a,b\n", "has more, which have no meaning"),
        ("frame,referent,text\n1,lady,Hola\n1,man,\n", "row 1: referent is 'lady', expected woman, man, unknown"),
        ("frame,referent,text\n1,woman,Hola\n1,man,Hola\n1,unknown,Hola\n", "has 1 different values of frame"),
        ("frame,referent,text\n1,woman,a\n2,woman,a\n3,woman,a\n4,woman,a\n5,man,a\n", "no row has referent 'unknown'"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_told(tmp_path, text, said):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_rows(catalogue.find("probes", "translator").load(), path)
