"""The page in a real browser: drawn, quiet, alone, and as wide as the window; hostile names run nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser
from edited import edited
from made_report import HOSTILE, made_report, written

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian: apt-get install chromium)")

BOXES = """JSON.stringify([...document.querySelectorAll('.chart')].map(chart => {
  const plot = chart.querySelector('svg.main-svg'), box = plot ? plot.getBoundingClientRect() : {width: 0, height: 0};
  return [chart.id, box.width, box.height, chart.querySelectorAll('.trace, .heatmaplayer image').length];
}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A single series, a panel of 45 and one with hostile names."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = edited(made_report(6, ids=HOSTILE), extracts__target=HOSTILE[0] + HOSTILE[1])
    warnings = [HOSTILE[0], HOSTILE[2], "\u202etxt\x1b[31m\u2028"]
    hostile = edited(hostile, found=[f"column {HOSTILE[1]}"], warnings=warnings, plan__names__target=HOSTILE[1])
    reports = {"one": made_report(), "panel": made_report(45), "hostile": hostile}
    return {name: written(report, folder / f"{name}.html") for name, report in reports.items()}


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("one", 390, "light"),
        ("one", 1280, "dark"),
        ("panel", 390, "dark"),
        ("panel", 1280, "light"),
        ("hostile", 390, "light"),
        ("hostile", 1280, "dark"),
    ],
)
def test_every_chart_is_drawn_and_the_page_is_quiet(
    browser: Browser, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    browser.open(pages[name], width=width, scheme=scheme)
    assert browser.complaints == []
    assert browser.requests == []
    boxes = json.loads(browser.run(BOXES))
    assert len(boxes) >= 9
    for place, wide, high, traces in boxes:
        assert wide > 250, place
        assert high > 150, place
        assert traces > 0, place
    assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.network
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_page_that_fit_writes_for_the_air_passengers(
    browser: Browser, fitted: dict[str, Any], width: int, scheme: str
) -> None:
    """With all that made-up reports have not: a search with keras-tuner, a look inside real gates."""
    browser.open(fitted["cwd"] / "gruforecast_model" / "report.html", width=width, scheme=scheme)
    assert browser.complaints == []
    assert browser.requests == []
    boxes = json.loads(browser.run(BOXES))
    assert sum(place.startswith("chart-gates") for place, *_ in boxes) >= 4
    assert all(wide > 250 and high > 150 and traces for _, wide, high, traces in boxes)
    assert browser.run("document.documentElement.scrollWidth") <= width
    text = browser.run("document.body.innerText")
    assert fitted["report"]["verdict"] in text.replace("\n", " ")
    assert f"{fitted['report']['cells'][0]['parameters']:,}" in text


def choose(name: str, value: object) -> str:
    """Script that chooses a value as a reader would."""
    return f"{{const s = document.getElementById('{name}'); s.value = '{value}'; s.dispatchEvent(new Event('change'))}}"


def test_the_chooser_shows_another_series_in_both_charts_and_their_tables(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["panel"])
    read = """['forecast', 'folds'].map(name => document.getElementById(name + '-title').textContent
      + document.querySelector('#chart-' + name + ' .scatterlayer').innerHTML)"""
    before = browser.run(read)
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    browser.run(choose("series-forecast", 2))
    after = browser.run(read)
    for old, new in zip(before, after, strict=True):
        assert old != new
    assert browser.run("document.getElementById('series-folds').value") == "2"
    label = browser.run("document.getElementById('series-forecast').selectedOptions[0].textContent")
    name = label.removeprefix("best: ").split(" ")[0]
    assert label.startswith("best: ")
    assert after[0].startswith(f"{name}:")
    captions = "[...document.querySelectorAll('details[data-numbers] caption')].map(one => one.textContent)"
    assert browser.run(captions) == [name, name]
    cells = "document.querySelectorAll('details[data-numbers=forecast] tbody tr').length"
    assert browser.run(cells) == 24  # test set and ahead
    assert browser.complaints == []


def test_the_span_shows_all_rows(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one"])
    read = "document.getElementById('chart-forecast').layout.xaxis.range[0].slice(0, 10)"
    assert browser.run(read) > "2003"
    browser.run(choose("span", "all"))
    assert browser.run(read) == "2000-01-01"


def test_hostile_names_run_nothing_and_are_shown_as_they_are(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["hostile"])
    assert (
        browser.run("document.querySelectorAll('img, iframe, object, embed, main a:not([href^=\"#\"]), svg a').length")
        == 0
    )
    assert browser.run("document.scripts.length") == 3  # the data, plotly's, ours
    options = browser.run("[...document.getElementById('series-forecast').options].map(one => one.textContent).join()")
    titles = []
    for k in range(6):
        browser.run(choose("series-forecast", k))
        titles.append(browser.run("document.getElementById('forecast-title').textContent"))
        assert browser.run("document.querySelectorAll('img, svg a').length") == 0
    for name in HOSTILE:
        assert name in options
        assert any(title.startswith(name) for title in titles)
    assert HOSTILE[0] + HOSTILE[1] in browser.run("document.querySelector('#chart-forecast .ytitle').textContent")
    text = browser.run("document.body.innerText")
    assert "49" not in browser.run("document.querySelector('.warnings').innerText")
    assert "\\u202etxt\\x1b[31m\\u2028" in text
    assert not {"\u202e", "\x1b", "\u2028"} & set(text)
    assert browser.complaints == []
    assert browser.requests == []


def test_nothing_but_the_two_scripts_may_run(browser: Browser, pages: dict[str, Path]) -> None:
    """The policy of the page refuses what is put in later: handlers, scripts, eval, and anything from elsewhere."""
    browser.open(pages["one"])
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.ran = 1\">')")
    browser.run(
        "{const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)}"
    )
    browser.run("{const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i)}")
    refused = browser.run(
        "new Promise(done => setTimeout(() => { try { eval('1'); done(false) } catch { done(true) } }, 300))"
    )
    assert refused
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in json.dumps(event) for event in browser.complaints)


def test_the_page_can_be_used_with_the_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["panel"])
    seen: list[Any] = []
    for _ in range(60):
        for kind in ("rawKeyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen.append(browser.run("document.activeElement.id || document.activeElement.tagName.toLowerCase()"))
    assert {"series-forecast", "span", "series-folds", "summary", "a"} <= set(seen)
    outline = browser.run(
        "{document.getElementById('span').focus(); getComputedStyle(document.activeElement).outlineStyle}"
    )
    assert outline == "solid"


def test_every_chart_has_a_name_and_a_table(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["panel"])
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    count = browser.run("new Promise(done => setTimeout(() => done(document.querySelectorAll('.chart').length), 300))")
    good = """[...document.querySelectorAll('figure')].filter(one => one.querySelector('.chart[role=img][aria-label]')
      && one.querySelector('figcaption h3').textContent && one.querySelectorAll('tbody tr').length
      && one.querySelector('caption')).length"""
    assert browser.run(good) == count
    assert browser.run(
        "['main', 'nav', 'header', 'footer', 'h1'].every(name => document.querySelectorAll(name).length === 1)"
    )


def test_paper_is_light(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["one"], scheme="dark")
    colour = "getComputedStyle(document.querySelector('#chart-forecast .ytick text')).fill"
    dark = browser.run(colour)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(colour) != dark
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(colour) == dark
