"""The plots measured: where a mark stands must be where the axis says its value is."""

import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from clearsight.report.plots import left_out, plot
from clearsight.report.svg import Scale, domain, round_step, tag
from clearsight.report.wording import shortened, width_of, wrapped


def drawings(finding) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<both>{plot(finding, 'key')}</both>"))


def marks(svg: ElementTree.Element, kind: str, name: str = "circle") -> list[ElementTree.Element]:
    return [element for element in svg.iter(name) if kind in element.get("class", "").split()]


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def reading(svg: ElementTree.Element, along: str, log: bool = False):
    """The value at a pixel, from the written ticks alone: the first and the last of the axis."""
    ticks = marks(svg, "tick", "text")
    if along == "x":
        row = max(float(tick.get("y")) for tick in ticks)
        ticks = [tick for tick in ticks if float(tick.get("y")) == row and tick.get("text-anchor") == "middle"]
        at = [(float(tick.get("x")), number(tick.text)) for tick in ticks]
    else:
        edge = min(float(tick.get("x")) for tick in ticks if tick.get("text-anchor") == "end")
        at = [(float(tick.get("y")) - 4, number(tick.text)) for tick in ticks if float(tick.get("x")) == edge]
    (a, u), (b, v) = min(at), max(at)
    if log:
        return lambda pixel: 10 ** (math.log10(u) + (pixel - a) / (b - a) * (math.log10(v) - math.log10(u)))
    return lambda pixel: u + (pixel - a) / (b - a) * (v - u)


def ends(element: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split())) for pair in re.split("[ML]", element.get("d").rstrip("Z"))[1:]]


def by_plot(card, kind, which=0):
    return [finding for finding in card.findings if finding.plot == kind][which]


@pytest.mark.parametrize("shape", [0, 1])
@pytest.mark.parametrize("which", [0, 1])
def test_dots_and_whiskers_stand_at_their_values(card, shape, which):
    finding = by_plot(card, "intervals", which)
    svg = drawings(finding)[shape]
    value = reading(svg, "x")
    known = [i for i, v in enumerate(finding.series["value"]) if v is not None]
    dots, whiskers = marks(svg, "dot"), marks(svg, "whisker", "path")
    assert len(dots) == len(whiskers) == len(known)
    for index, dot, whisker in zip(known, dots, whiskers, strict=True):
        (low, _), (high, _) = ends(whisker)
        assert value(float(dot.get("cx"))) == pytest.approx(finding.series["value"][index], abs=0.003)
        assert value(low) == pytest.approx(finding.series["low"][index], abs=0.003)
        assert value(high) == pytest.approx(finding.series["high"][index], abs=0.003)
    (reference,) = marks(svg, "reference", "line")
    assert value(float(reference.get("x1"))) == pytest.approx(finding.series["value"][0], abs=0.003)
    few = [element.text for element in marks(svg, "few", "text")]
    assert few == ["too few to judge"] * (len(finding.series["value"]) - len(known))


@pytest.mark.parametrize("shape", [0, 1])
def test_curves_pass_through_their_points(card, shape):
    finding = by_plot(card, "curve")
    svg = drawings(finding)[shape]
    up = reading(svg, "y")
    lines, bands = marks(svg, "line", "path"), marks(svg, "band", "path")
    lines = [line for line in lines if len(ends(line)) > 2]  # the short ones are the legend's
    assert len(lines) == len(bands) == 4
    for index, (line, band) in enumerate(zip(lines, bands, strict=True)):
        rows = slice(6 * index, 6 * index + 6)
        assert [up(y) for _, y in ends(line)] == pytest.approx(finding.series["y"][rows], abs=0.004)
        edge = [up(y) for _, y in ends(band)]
        assert edge[:6] == pytest.approx(finding.series["low"][rows], abs=0.004)
        assert edge[6:][::-1] == pytest.approx(finding.series["high"][rows], abs=0.004)


def test_curves_take_words_gaps_and_decades(card):
    finding = by_plot(card, "curve")
    series = {"line": ["a"] * 4, "x": ["clean", "snow", "fog", "rain"], "y": [0.5, None, 0.3, 0.2]}
    svg = drawings(replace(finding, series=series))[0]
    assert [t.text for t in marks(svg, "tick", "text")][-4:] == ["clean", "snow", "fog", "rain"]
    assert len(marks(svg, "point")) == 3
    series = {"x": [1e-5, 1e-4, 1e-3, 1e-2], "y": [0.1, 0.4, 0.6, 0.5]}
    xs = [x for x, _ in ends(marks(drawings(replace(finding, series=series))[0], "line", "path")[0])]
    steps = [b - a for a, b in zip(xs, xs[1:], strict=False)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)


@pytest.mark.parametrize("shape", [0, 1])
def test_reliability_points_and_counts(card, shape):
    finding = by_plot(card, "reliability")
    svg = drawings(finding)[shape]
    across, up = reading(svg, "x"), reading(svg, "y")
    points = [(across(float(d.get("cx"))), up(float(d.get("cy")))) for d in marks(svg, "dot")]
    assert [x for x, _ in points] == pytest.approx(finding.series["confidence"], abs=0.004)
    assert [y for _, y in points] == pytest.approx(finding.series["correct"], abs=0.004)
    heights = [float(stick.get("height")) for stick in marks(svg, "stick", "rect")]
    assert [h / max(heights) for h in heights] == pytest.approx([n / 323 for n in finding.series["n"]], abs=0.01)
    (diagonal,) = marks(svg, "reference", "line")
    for end in "12":
        assert across(float(diagonal.get(f"x{end}"))) == pytest.approx(up(float(diagonal.get(f"y{end}"))), abs=0.004)


@pytest.mark.parametrize("shape", [0, 1])
def test_bars_begin_at_zero_and_decades_are_stems(card, shape):
    linear, wide = by_plot(card, "bars", 1), by_plot(card, "bars", 0)
    bars = [float(bar.get("width")) for bar in marks(drawings(linear)[shape], "bar", "rect")]
    assert [b / bars[0] for b in bars] == pytest.approx([v / 6.3 for v in linear.series["value"]], abs=0.005)
    svg = drawings(wide)[shape]
    assert marks(svg, "bar", "rect") == []
    at = reading(svg, "x", log=True)
    for dot, value in zip(marks(svg, "dot"), wide.series["value"], strict=True):
        assert at(float(dot.get("cx"))) == pytest.approx(value, rel=0.04)
    assert len(marks(svg, "ours")) == 1


def test_bars_with_negatives_zeros_and_unknowns(card):
    finding = by_plot(card, "bars", 1)
    svg = drawings(replace(finding, series={"label": ["a", "b", "c"], "value": [-2, 4, None]}))[0]
    left, right = marks(svg, "bar", "rect")
    assert float(left.get("x")) + float(left.get("width")) == pytest.approx(float(right.get("x")), abs=0.2)
    assert [t.text for t in marks(svg, "few", "text")] == ["not known"]
    svg = drawings(replace(finding, series={"label": ["a", "b", "c"], "value": [0, 1, 5000]}))[0]
    stems = [ends(stem) for stem in marks(svg, "stem", "path")]
    assert stems[0][0] == stems[0][1]


def test_long_plots_stop_and_say_how_many_are_left_out(card):
    finding = by_plot(card, "intervals")
    series = {"label": [f"class {i}" for i in range(80)], "value": [i / 80 for i in range(80)]}
    many = replace(finding, series=series)
    assert len(marks(drawings(many)[0], "dot")) == 60
    assert left_out(many) == 20


def test_equal_values_infinities_and_one_point_draw(card):
    finding = by_plot(card, "intervals")
    for values in ([0.5], [0.0, 0.0], [1.0], [math.nan, math.inf], [1e12, -3.0], [1e-12]):
        for kind in ("intervals", "bars"):
            series = {"label": ["x"] * len(values), "value": values}
            text = str(plot(replace(finding, plot=kind, series=series), "key"))
            assert "nan" not in text.lower().replace("nance", "")
            assert "inf" not in text


@pytest.mark.parametrize("values", [[0.2, 0.9], [3.0], [0.0], [-0.17, 0.03], [1e-9, 2e-9], [999.0, 1001.0]])
def test_domains_hold_their_values_and_ticks_are_round(values):
    low, high = domain(values)
    assert low <= min(values) <= max(values) <= high
    assert low < high
    ticks = Scale(low=low, high=high, start=0, stop=500).ticks()
    assert 2 <= len(ticks) <= 12
    assert len({text for _, text in ticks}) == len(ticks) or max(values) < 1e-6
    for value, text in ticks:
        assert number(text) == pytest.approx(value, abs=1e-6)


def test_steps_are_1_2_25_5():
    assert [round_step(r) for r in (0.7, 1.0, 1.2, 2.2, 3.0, 6.0, 0.011)] == pytest.approx([1, 1, 2, 2.5, 5, 10, 0.02])


def test_text_fits_its_room():
    for text in ("W" * 300, "a long name of a class that nobody shortened", "世界" * 50):
        short = shortened(text, 120, 13)
        assert width_of(short, 13) <= 120
        assert "…" in short
    assert shortened("platelets", 120, 13) == "platelets"
    lines = wrapped("about 41 more smears are needed for an interval of this width", 120, 12, 3)
    assert len(lines) == 3
    assert all(width_of(line, 12) <= 120 for line in lines)
    assert wrapped("", 120, 12, 3) == []


def test_elements_escape_text_and_attributes():
    drawn = tag("text", '<b>&"', title='"><script>', data_x=None, stroke_width=1.25)
    assert str(drawn) == '<text title="&#34;&gt;&lt;script&gt;" stroke-width="1.2">&lt;b&gt;&amp;&#34;</text>'
