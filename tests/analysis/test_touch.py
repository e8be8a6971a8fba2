"""The report in a real browser: hover, pick, filter, brush, axes; at every width and printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from reports import config, make_study

from zmodel.analysis import analyze_command as command
from zmodel.analysis.live.control import Control
from zmodel.analysis.live.server import ReportServer
from zmodel.analysis.page.html import settled
from zmodel.study.notes import notes_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium to open the page in"),
]
SHOWN = "[...document.querySelectorAll('#trials-table tbody tr')].filter(r => !r.hidden).length"
DIMMED = "document.querySelectorAll('#slice [data-trial].off').length"
PANEL = "document.querySelector('#trial')"
TIP = "document.querySelector('#tip')"
DOT = "document.querySelector('#values [data-trial]')"
TOO_WIDE = """[...document.querySelectorAll("body *")].filter((e) =>
    e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, svg")).length"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log_dir = tmp_path_factory.mktemp("logs")
    folder = make_study(log_dir, "zlayers")
    command.analyze(config(log_dir, "zlayers"))
    return folder / "report"


@pytest.fixture(scope="module")
def opened(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.open((report / "index.html").as_uri())
        yield browser


@pytest.fixture
def page(opened: Browser) -> Iterator[Browser]:
    """The page as it was opened; no test may leave an error behind."""
    opened.resize(1280)
    opened.run("resetFilter(); pick(null); heat(null)")
    yield opened
    assert opened.errors == []


def type_filter(page: Browser, text: str) -> None:
    page.run(
        f"(() => {{ const box = document.querySelector('#filter-text'); box.value = {text!r};"
        "box.dispatchEvent(new Event('input')); })()"
    )


def test_hovering_a_dot_tells_which_trial_it_is(page: Browser):
    number = page.run(f"{DOT}.dataset.trial")
    page.hover(DOT)
    page.until(f"{TIP}.classList.contains('shown')")
    told = page.run(f"{TIP}.textContent").splitlines()
    assert told[0] == f"Trial {number}, complete"
    assert {line.split()[0] for line in told[1:]} >= {"val/acc_best", "z_layers", "epochs"}
    assert page.run(f"document.querySelectorAll('.hot[data-trial=\"{number}\"]').length") > 5


def test_a_click_shows_the_trial_beside_the_best_and_how_to_repeat_it(page: Browser):
    number = page.run(f"{DOT}.dataset.trial")
    page.click(DOT)
    page.until(f"!{PANEL}.hidden")
    told = page.run(f"{PANEL}.innerText")
    assert f"Trial {number}" in told and f"trial={number}" in told
    assert page.run(f"{PANEL}.querySelectorAll('polyline').length") == 2
    assert page.run(f"{PANEL}.querySelector('a').getAttribute('href')") == f"../trials/{number}/"
    assert page.run("document.querySelector('#trials-table tr.picked').dataset.row") == number
    page.key("Escape")
    assert page.run(f"{PANEL}.hidden")


def test_the_keyboard_reaches_every_dot_and_row(page: Browser):
    page.run("document.querySelector('#values .plot').focus()")
    seen = set()
    for _ in range(24):
        page.key("ArrowRight")
        seen.add(page.run("hot"))
    assert seen == set(range(24))
    assert page.run("live.textContent").startswith("Trial ")
    page.key("Enter")
    assert not page.run(f"{PANEL}.hidden") and page.run("document.activeElement.id") == "trial"
    page.run("document.querySelector('#trials-table tbody tr').focus()")
    page.key("ArrowDown")
    second = page.run("document.querySelectorAll('#trials-table tbody tr')[1].dataset.row")
    assert page.run("document.activeElement.dataset.row") == second


def test_the_filter_holds_in_the_table_and_in_every_figure(page: Browser):
    slices = page.run("document.querySelectorAll('#slice [data-trial]').length")
    threes = page.run("trialData.trials.filter(t => t.text[2] === '3').length")
    type_filter(page, "z_layers=3")
    assert page.run(SHOWN) == threes > 0
    assert page.run(DIMMED) == slices - slices // 24 * threes
    assert page.run("document.querySelector('#filter-count').textContent").startswith(f"{threes} ")
    type_filter(page, "depht=3")
    assert "depht" in page.run("document.querySelector('#filter-message').textContent")
    page.click("document.querySelector('[data-depth-box=\"0\"]')")
    type_filter(page, "")
    ones = page.run("trialData.trials.filter(t => t.depth === 0).length")
    assert page.run(SHOWN) == 24 - ones
    assert page.run("document.querySelectorAll('#curves [data-depth=\"0\"]:not(.off)').length") == 0


def test_a_brush_on_a_parallel_axis_chooses_trials(page: Browser):
    axis = "document.querySelector('#parallel [data-brush=\"0\"]')"
    x, y = page.place(axis)
    wide = page.run(f"{axis}.getBoundingClientRect().width")
    page.mouse("mousePressed", x, y)
    for share in (0.1, 0.3, 0.6):
        page.mouse("mouseMoved", x + share * wide, y)
    page.mouse("mouseReleased", x + 0.6 * wide, y)
    deep = page.run("trialData.trials.filter(t => Number(t.text[2]) >= 3).length")
    assert page.run(SHOWN) == deep < 24
    page.click(axis)
    assert page.run(SHOWN) == 24


def test_the_axes_of_the_scatter_are_chosen(page: Browser):
    for name, at in (("x", "2"), ("y", "1"), ("colour", "1")):
        page.run(
            f"(() => {{ const c = document.querySelector('[data-axis-choice={name}]');"
            f"c.value = {at!r}; c.dispatchEvent(new Event('change')); }})()"
        )
    texts = page.run("document.querySelector('#any-axes svg').textContent")
    assert "z_layers" in texts and "val/acc_best" in texts
    assert page.run("document.querySelectorAll('#any-axes circle').length") == 24


def test_a_table_is_sorted_by_the_column_that_was_chosen(page: Browser):
    page.click("document.querySelectorAll('#trials-table th button')[0]")
    order = "[...document.querySelectorAll('#trials-table tbody tr')].map(r => +r.dataset.row)"
    assert page.run(order) == list(range(24))


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(page: Browser, width: int, theme: str):
    page.theme(theme)
    page.resize(width)
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run(TOO_WIDE) == 0
    used = page.run("document.querySelector('.figures').getBoundingClientRect().width")
    assert used > 0.9 * width
    background, ink = page.run(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    light = int(background.split("(")[1].split(",")[0]) > int(ink.split("(")[1].split(",")[0])
    assert light == (theme == "light")


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_first_screen_answers_which_how_sure_and_what_next(page: Browser, width: int):
    page.resize(width)
    page.run("scrollTo(0, 0)")
    for part in (".headline", ".configuration", ".next .command", ".verdict"):
        top = page.run(f"document.querySelector('{part}').getBoundingClientRect().top")
        assert 0 <= top < 700, part
    assert page.run("document.querySelectorAll('.verdict .command code').length") <= 2


def test_it_prints(page: Browser, tmp_path: Path):
    page.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page\n") <= 12


@pytest.fixture
def refreshing(report: Path, tmp_path: Path) -> tuple[Path, str]:
    """A page that was written just now and reloads every second, and its text for a later one."""
    text = (report / "index.html").read_text()
    now = datetime.now().isoformat(timespec="seconds")
    text = re.sub(r'<html lang="en"( data-refresh="\d+")? data-made="[^"]*"',
                  f'<html lang="en" data-refresh="1" data-made="{now}"', text)  # fmt: skip
    path = tmp_path / "index.html"
    path.write_text(text)
    return path, text


def test_a_page_that_refreshes_is_as_the_reader_left_it(opened: Browser, refreshing):
    path, text = refreshing
    opened.errors.clear()
    opened.resize(1280)
    opened.open(path.as_uri())
    opened.run("window.first = true")
    opened.run("document.querySelector('#slice details').open = true")
    opened.click("document.querySelectorAll('#trials-table th button')[0]")
    type_filter(opened, "z_layers>=3")
    opened.run("pick(trialData.best); document.activeElement.blur()")
    place = "Math.round(document.querySelector('#parallel').getBoundingClientRect().top)"
    opened.run("document.querySelector('#parallel').scrollIntoView({behavior: 'instant'})")
    shown, top = opened.run(SHOWN), opened.run(place)
    path.write_text(text.replace("<h1>Study", "<p>one more line</p><h1>Study"))
    opened.until("window.first === undefined && document.readyState === 'complete'")
    assert "one more line" in opened.run("document.querySelector('header').textContent")
    assert opened.run("document.querySelector('#slice details').open")
    assert opened.run("document.querySelectorAll('#trials-table th')[0].ariaSort") == "ascending"
    assert opened.run(SHOWN) == shown < 24
    assert not opened.run(f"{PANEL}.hidden")
    assert abs(opened.run(place) - top) <= 20
    path.write_text(settled(text))
    opened.run("window.first = true")
    opened.until("window.first === undefined && document.readyState === 'complete'")
    assert opened.run("document.documentElement.dataset.refresh") is None, "the watch has ended"
    assert opened.errors == []


def test_a_served_page_takes_notes_and_stops_the_study(opened: Browser, report: Path):
    control = Control("zlayers", report.parents[2], None)
    server = ReportServer("127.0.0.1", 0, report.parent, "report/index.html", control)
    server.start()
    try:
        opened.errors.clear()
        opened.open(server.address)
        opened.until("document.querySelector('#controls') !== null")
        opened.run("pick(3)")
        opened.run(f"{PANEL}.querySelector('textarea').value = 'strange'")
        opened.click(f"{PANEL}.querySelector('.note button')")
        opened.until(f"{PANEL}.querySelector('.note [role=status]').textContent === ' saved'")
        assert notes_of(control.study()) == {"3": "strange"}
        opened.click("document.querySelector('#controls button')")
        opened.until("document.querySelector('#controls [role=status]').textContent !== ''")
        assert control.study().attrs["stop"]
        assert opened.errors == []
    finally:
        server.shutdown()
        server.server_close()
