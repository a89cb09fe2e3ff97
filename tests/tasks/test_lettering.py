"""Names of classes in any script: every picture is readable, and tells no library's warnings."""

import json
import re
import warnings
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from explore_data import build, tinted
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

from tasks.evaluate.evaluation import evaluate
from tasks.evaluate.figures import draw
from tasks.evaluate.scored import Scored
from tasks.evaluate.writing import write_plots
from tasks.explore.report import write_report
from tasks.lettering import LONGEST, in_chart, in_picture, stand_ins
from tasks.page import isolated, new_figure, svg
from tasks.slugs import slug

LONG = "a scratch that starts at the left edge and runs on to the right one"
UNWRITABLE = ["猫", "狗 (大)", "قط", "🐛 bug", "ไทย", "हिन्दी", "עברית"]
HARD = [*UNWRITABLE, "$x$ & $y$", "_hidden", "<b>bold</b>", LONG, "Kratzer (groß)", "κενό", "пыль"]


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch):
    """Every warning is an error, and so is anything that is taken for mathematics."""

    def refuse(self, text, *args, **options):
        raise AssertionError(f"taken for mathematics: {text}")

    monkeypatch.setattr(MathTextParser, "parse", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", ["crack", "Kratzer (groß)", "κενό", "пыль", "ok ✓", "a_b-c", "50 %", "Đặng", "∅ 3 µm"])
def test_names_that_the_font_can_write_stay_as_they_are(name):
    assert in_picture(name) == in_chart(name) == name
    assert stand_ins([name]) == []


@pytest.mark.parametrize("name", UNWRITABLE)
def test_other_scripts_are_represented_by_the_slug_that_files_and_metrics_have(name):
    assert in_picture(name) == in_chart(name) == slug(name)
    assert stand_ins(["crack", name]) == [(slug(name), name)]


def test_letters_with_accents_of_their_own_are_put_together():
    assert in_picture("e\u0301te\u0301") == "été"
    assert stand_ins(["e\u0301te\u0301"]) == []


def test_signs_that_show_nothing_or_turn_the_text_round_are_not_drawn():
    assert in_picture(" two\n lines\t") == "two lines"
    assert in_picture("a\u202eb") == slug("a\u202eb")
    assert in_picture("a\x1bb") == slug("a\x1bb")


def test_a_long_name_keeps_both_ends_and_is_told_whole():
    shown = in_picture(LONG)
    assert len(shown) == LONGEST
    start, end = shown.split("…")
    assert LONG.startswith(start)
    assert LONG.endswith(end)
    assert stand_ins([LONG]) == [(shown, LONG)]
    many = "猫" + LONG
    assert in_picture(many).endswith(slug(many)[-9:])  # the digits that tell it from others


def test_matplotlib_shows_dollars_and_underscores(strict):
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.plot([0, 1], label=in_chart("_hidden"))
    legend = axes.legend()
    assert [text.get_text() for text in legend.get_texts()] == [" _hidden"]
    axes.set_title(in_chart("$x$ costs $5"))
    assert "</p>" not in svg(figure, "A line", ["_hidden", "$x$ costs $5"])


def test_words_from_right_to_left_leave_the_numbers_beside_them_in_place():
    assert isolated("قط 0.45 [0.30, 0.50]") == "\u2068قط\u2069 0.45 [0.30, 0.50]"
    assert isolated("of قط كبير, 3") == "of \u2068قط كبير\u2069, 3"
    assert isolated("猫 and crack") == "猫 and crack"
    assert isolated(3) == 3


@pytest.mark.slow
def test_every_chart_of_explore_is_readable_and_names_its_classes_in_text(strict, tmp_path):
    stream = np.random.default_rng(1)
    images = [
        (name, "train", tinted(i * 9 + n, tuple(stream.integers(0, 90, 3))))
        for i, name in enumerate(HARD)
        for n in range(6)
    ]
    dataset, raw = build(tmp_path, images)
    folder = tmp_path / "report"
    folder.mkdir()
    write_report(dataset, raw, 1, folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    charts = page.split('<div class="plot"')[1:]
    told = [set(re.findall(r"<strong>(\S+?)</strong> is <bdi>(.+?)</bdi>", chart)) for chart in charts]
    drawn = [set(re.findall(r"<!-- (.+?) -->", chart)) for chart in charts]  # matplotlib's note of each text
    assert any((slug("猫"), "猫") in names for names in told)
    for names, texts in zip(told, drawn, strict=True):
        assert not any(name in text for name in UNWRITABLE for text in texts)
        wanted = {(slug(name), name) for name in UNWRITABLE if slug(name) in texts}
        assert wanted <= names
    assert "<b>bold" not in page
    assert LONG in unescape(page)


@pytest.mark.slow
def test_every_plot_of_evaluate_is_readable_and_a_file_says_what_stands_for_what(strict, tmp_path: Path):
    stream = np.random.default_rng(7)
    labels = np.repeat(np.arange(len(HARD)), 8)
    scores = np.eye(len(HARD))[labels] + stream.normal(0, 0.9, (1, len(labels), len(HARD)))
    ids = np.array([f"{number:04d}" for number in range(len(labels))])
    scored = Scored(classes=HARD, image_ids=ids, labels=labels, groups=np.arange(len(labels)), scores=scores)
    found = evaluate(scored, scored.bootstrap(100, 0), 0.95)
    write_plots(found, "plain", tmp_path / "plots")
    names = json.loads((tmp_path / "plots" / "names.json").read_text(encoding="utf-8"))
    assert names == {LONG: in_picture(LONG), **{name: slug(name) for name in UNWRITABLE}}
    texts = {text.get_text() for text in draw(found, "plain")["confusion"].findobj(Text)}
    assert {slug("猫"), r"\$x\$ & \$y\$", " _hidden", "<b>bold</b>", "пыль"} <= texts
