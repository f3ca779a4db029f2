"""The page of `reconcile choose` in a real browser, against a server made up: what one can do with it, and what it is
to those who can't see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from support.browser import Browser
from support.choose_fake import FILES, HOSTILE, ChooseFake, choose_fake

pytestmark = pytest.mark.integration

SCHEMES, WIDTHS = ("light", "dark"), (390, 1280)
READY = "return document.querySelector('#panel').getAttribute('aria-busy') === 'false'"
WIPE = (Keys.BACKSPACE,) * 8
OPTIONS = "#strip [role=option]"
SHIFTS = """
window.shifted = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted.push(entry.value);
}).observe({type: "layout-shift", buffered: true});
"""


class Page:
    """The page, opened at the first asset."""

    def __init__(self, browser: Browser, fake: ChooseFake, url: str) -> None:
        self.browser, self.fake, self.url = browser, fake, url

    def open(self, *, scheme: str = "light", width: int = 1280) -> None:
        self.browser.visit(self.url, scheme=scheme, width=width)
        self.browser.until(READY)

    def at(self, number: int) -> None:
        """Goes to an asset by searching for its ID."""
        self.browser.press("/", f"{number:08x}", Keys.ENTER)
        self.shows(self.id(number))
        self.browser.until(READY)

    def id(self, number: int) -> str:
        return next(asset_id for asset_id, n in self.fake.assets.items() if n == number)

    def shows(self, asset_id: str) -> None:
        self.browser.until(f"return document.querySelector('#asset-id').textContent === '{asset_id}'")

    def says(self, words: str) -> None:
        self.browser.until(f"return document.querySelector('#live').textContent.includes({words!r})")

    def complains(self) -> str:
        told: str = self.browser.until(
            "const e = document.querySelector('#problem'); return !e.hidden && e.textContent"
        )
        return told

    def review(self) -> None:
        self.browser.press("r")
        self.browser.until("return !document.querySelector('#review').hidden")
        self.reviewed()

    def reviewed(self) -> None:
        self.browser.until("return document.querySelector('#items').children.length > 0")

    def text(self, selector: str) -> str:
        return self.browser.driver.find_element(By.CSS_SELECTOR, selector).text

    def rows(self) -> list[str]:
        found = self.browser.driver.find_elements(By.CSS_SELECTOR, "#rows .row .title")
        return [one.text for one in found]

    def foreign(self) -> list[str]:
        """What was asked of anybody but the server."""
        ours = urlsplit(self.url).netloc
        return [url for url in self.browser.requests() if urlsplit(url).netloc != ours]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    fake = ChooseFake()
    with choose_fake(fake) as url:
        yield Page(browser, fake, url)


def until(asked: Callable[[], object], page: Page) -> None:
    """Waits for something outside of the page."""
    page.browser.until("return true")
    for _ in range(900):
        if asked():
            return
        page.browser.run("return new Promise((done) => setTimeout(done, 50))")
    pytest.fail("it never came")


def test_twenty_covers_by_keyboard_alone(page: Page) -> None:
    page.open()
    active = page.browser.driver.switch_to.active_element
    assert (active.aria_role, active.accessible_name) == ("listbox", "Assets")
    for number in range(21):
        page.shows(page.id(number))
        page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER, Keys.ARROW_DOWN)
    chosen = {page.id(number): page.fake.wanted(number) + 1 for number in range(21) if number != 3}
    until(lambda: len(page.fake.chosen) == 20, page)
    assert {asset_id: choice["index"] for asset_id, choice in page.fake.chosen.items()} == chosen
    page.review()
    assert page.text("#review-title") == "Review: 20 covers to write"
    assert len(page.browser.driver.find_elements(By.CSS_SELECTOR, "#items .pair")) == 20
    assert page.text("#diff").count("\n+ ") == 20
    page.browser.press(Keys.TAB)
    assert page.browser.driver.switch_to.active_element.text == "Write 20 covers"
    page.browser.press(Keys.ENTER)
    page.says("Written: 2 files.")
    assert page.fake.written == set(chosen)
    assert page.text("#written .commands").split("\n") == ["git diff", "reconcile plan"]
    page.browser.press(Keys.ESCAPE)
    assert page.browser.driver.switch_to.active_element.accessible_name == "Assets"


def test_nothing_is_lost_when_one_types_faster_than_the_snapshots_come(page: Page) -> None:
    page.fake.delay = 0.5
    page.open()
    page.browser.press(*(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER, "j") * 3)
    until(lambda: len(page.fake.chosen) == 3, page)
    expected = {page.id(number): {"set": "sample", "index": page.fake.wanted(number) + 2} for number in (0, 1, 2)}
    assert page.fake.chosen == expected


def test_both_ways_along_assets_and_snapshots(page: Page) -> None:
    page.open()
    page.browser.press("j", Keys.ARROW_DOWN, "k", "j", Keys.ARROW_UP)
    page.shows(page.id(1))
    page.browser.until(READY)
    page.browser.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    active = page.browser.driver.switch_to.active_element
    assert active.accessible_name == "Snapshots"
    cursor = page.browser.driver.find_element(By.ID, active.get_attribute("aria-activedescendant") or "")
    assert cursor.accessible_name == "sample 1, 0:05"
    page.browser.press(Keys.END)
    page.shows(page.id(39))
    page.browser.press(Keys.HOME)
    page.shows(page.id(0))


def test_undo_one_in_the_list_one_in_the_review_and_all(page: Page) -> None:
    page.open()
    for _ in range(5):
        page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER, "j")
    until(lambda: len(page.fake.chosen) == 4, page)  # one has no snapshots
    page.browser.press("k")
    page.shows(page.id(4))
    page.browser.press("u")
    page.says("Undone: Harbour at dawn 4.")
    page.browser.press("u")
    page.says("Nothing to undo here.")
    page.review()
    page.browser.driver.find_element(By.CSS_SELECTOR, "#items button").click()
    page.browser.until("return document.querySelector('#items').children.length === 2")
    assert set(page.fake.chosen) == {page.id(1), page.id(2)}
    button = page.browser.driver.find_element(By.ID, "undo-all")
    button.click()
    page.browser.press(Keys.ESCAPE)
    assert len(page.fake.chosen) == 2
    button.click()
    page.browser.press(Keys.TAB, Keys.ENTER)
    page.browser.until("return document.querySelector('#review-title').textContent === 'Nothing is chosen'")
    assert page.fake.chosen == {}


def test_search_finds_chinese_titles_and_ids(page: Page) -> None:
    page.open()
    page.browser.press("/", "第一课")
    page.browser.until("return document.querySelector('#found').textContent === '8 assets'")
    assert all("第一课" in title for title in page.rows())
    page.browser.press(Keys.ENTER, "j")
    page.shows(page.id(6))
    page.browser.press("/", Keys.ESCAPE)
    page.browser.until("return document.querySelector('#found').textContent === '40 assets'")
    page.at(17)
    assert page.rows() == [page.fake.title(17)]
    page.browser.press("/", "no such thing")
    page.browser.until("return !document.querySelector('#list-empty').hidden")
    page.browser.press(Keys.ENTER, Keys.ENTER, "u", "j")
    assert page.fake.posted == []


def test_filters_count_and_list_what_they_say(page: Page) -> None:
    page.open()
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen: sample 3, 0:15.")
    page.browser.until("return document.querySelector('#filters [value=chosen] b').textContent === '1'")
    buttons = page.browser.driver.find_elements(By.CSS_SELECTOR, "#filters button")
    counts = {"All": 40, "Drifted": 5, "Unknown": 1, "Not managed": 4, "Changed here": 1, "Blank cover": 1}
    assert [button.accessible_name for button in buttons] == [f"{name} {count}" for name, count in counts.items()]
    for button, count in zip(buttons, counts.values(), strict=True):
        button.click()
        page.browser.until(f"return document.querySelector('#found').textContent.split(' ')[0] === '{count}'")
        assert [one.get_attribute("aria-pressed") for one in buttons].count("true") == 1
    assert page.rows() == ["Opening keynote 0"]


def test_by_file_and_sorted_by_creation(page: Page) -> None:
    page.open()
    page.browser.driver.find_element(By.CSS_SELECTOR, f"#file option[value='{FILES[1]}']").click()
    page.shows(page.id(1))
    page.browser.driver.find_element(By.CSS_SELECTOR, "#sort option[value=created]").click()
    page.shows(page.id(39))
    page.browser.press(Keys.ESCAPE, "j")
    page.shows(page.id(35))  # 37 is in no file


def test_a_typed_time_is_chosen_where_it_can_be_taken(page: Page) -> None:
    page.open()
    assert not page.browser.driver.find_element(By.ID, "take").is_displayed()
    page.at(9)
    field, button = (page.browser.driver.find_element(By.ID, name) for name in ("time", "take-it"))
    for typed, said in (("1:75", "A time is 37, 0:37 or 1:02:03."), ("1:02", "The video ends at 1:01.")):
        page.browser.press("t", *WIPE, typed, Keys.ENTER)
        assert (page.text("#time-words"), field.get_attribute("aria-invalid")) == (said, "true")
        assert not button.is_enabled()
    page.browser.press(*WIPE, "0:37")
    assert page.text("#time-words") == "dots 0:37: to be taken, billed."
    page.browser.press(Keys.ENTER)
    page.says("Chosen: dots 0:37, to be taken, billed.")
    assert page.fake.chosen == {page.id(9): {"take": 37}}
    page.browser.until("return document.querySelector('#fact-chosen').textContent.includes('dots 0:37')")


def test_an_asset_of_no_file_goes_where_one_says(page: Page) -> None:
    page.open()
    page.at(7)
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen: sample 1, 0:05.")
    assert page.fake.chosen[page.id(7)]["file"] == FILES[1]
    page.browser.driver.find_element(By.CSS_SELECTOR, f"#goes option[value='{FILES[0]}']").click()
    until(lambda: page.fake.chosen[page.id(7)] == {"set": "sample", "index": 1, "file": FILES[0]}, page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_whole_and_easy_to_read(page: Page, scheme: str, width: int) -> None:
    page.fake.reading = {"done": 12, "total": 40, "waiting": "quota, 23 s"}
    page.open(scheme=scheme, width=width)
    check(page, width)
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen")
    check(page, width)
    page.at(9)
    check(page, width)
    page.browser.press("?")
    check(page, width)
    page.browser.press(Keys.ESCAPE)
    page.fake.conflict = FILES[0]
    page.review()
    check(page, width)
    page.fake.conflict = ""
    page.browser.press(Keys.ESCAPE)
    page.review()
    page.browser.press(Keys.TAB, Keys.ENTER)
    page.says("Written")
    check(page, width)


def check(page: Page, width: int) -> None:
    browser = page.browser
    assert browser.console() == []
    assert page.foreign() == []
    scrolled, seen = browser.run("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
    assert scrolled <= seen <= width
    contrasts = browser.contrasts()
    assert len(contrasts) > 15
    assert [(text, contrast) for text, contrast in contrasts if contrast < 4.5] == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("dark", 390)])
def test_axe_finds_nothing_in_list_filmstrip_and_review(page: Page, scheme: str, width: int) -> None:
    page.open(scheme=scheme, width=width)
    assert page.browser.objections() == []
    for number in (6, 9):
        page.at(number)
        page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
        page.says("Chosen")
        assert page.browser.objections() == []
    page.browser.press("?")
    assert page.browser.objections() == []
    page.browser.press(Keys.ESCAPE)
    page.fake.conflict = FILES[1]
    page.review()
    assert page.browser.objections() == []


def test_roles_and_names(page: Page) -> None:
    page.open()
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen: sample 3, 0:15.")
    page.browser.until(f"return document.querySelectorAll('{OPTIONS}[aria-selected=true]').length === 1")
    find = page.browser.driver.find_elements
    names = [option.accessible_name for option in find(By.CSS_SELECTOR, OPTIONS)]
    assert names == [
        "sample 0, 0:00, cover now, nearly black",
        "sample 1, 0:05",
        "sample 2, 0:10, wanted now",
        "sample 3, 0:15, chosen here",
        "sample 4, 0:20",
        "sample 5, 0:25",
    ]
    strip = page.browser.driver.find_element(By.ID, "strip")
    assert (strip.aria_role, strip.accessible_name) == ("listbox", "Snapshots")
    row = page.browser.driver.find_element(By.ID, "row-0")
    assert row.aria_role == "option"
    assert row.accessible_name == (
        f"Opening keynote 0, chosen, to change, desired/a.yaml:3, {page.id(0)}, cover now sample[0] 0:00, "
        "nearly black, wanted sample[2] 0:10, chosen here sample[3] 0:15"
    )
    assert (row.get_attribute("aria-posinset"), row.get_attribute("aria-setsize")) == ("1", "40")
    live = page.browser.driver.find_element(By.ID, "live")
    assert (live.aria_role, live.text) == ("status", "Chosen: sample 3, 0:15.")


def test_marks_are_words_and_shapes_too(page: Page) -> None:
    page.open()
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen")
    page.browser.until(f"return document.querySelectorAll('{OPTIONS}[aria-selected=true]').length === 1")
    frames = [
        [line for line in one.text.split("\n") if line[0] in "●■✓◆"]
        for one in page.browser.driver.find_elements(By.CSS_SELECTOR, OPTIONS)
    ]
    assert frames[:4] == [["● cover now", "■ nearly black"], [], ["✓ wanted now"], ["◆ chosen here"]]
    assert page.text("#row-0 .marks").split("\n")[:2] == ["◆ chosen", "~ to change"]
    tag = page.browser.driver.find_element(By.CSS_SELECTOR, "#row-0 .tag")
    assert (tag.is_displayed(), tag.get_attribute("data-words")) == (True, "nearly black")


def test_pictures_and_snapshots_that_are_not_there(page: Page) -> None:
    page.open()
    page.at(3)
    assert page.text("#none").split("\n") == ["No snapshots", "It has no snapshots."]
    assert page.text("#asset-why") == "no snapshots: It has no snapshots."
    page.at(6)
    page.browser.until("return document.querySelector('#frame-4 .why')")
    frames = page.browser.driver.find_elements(By.CSS_SELECTOR, f"{OPTIONS} .why")
    whys = [frame.get_attribute("data-words") for frame in frames]
    assert whys == ["its CDN answered HTTP 403", "Unreadable picture: its bytes are no picture"]
    page.browser.press(*(Keys.ARROW_RIGHT,) * 4)
    page.browser.until("return document.querySelector('#large .why')")
    assert page.text("#large .why") == "Unreadable picture: its bytes are no picture"


def test_the_frame_under_the_pointer_or_the_cursor_is_shown_large(page: Page) -> None:
    page.open()
    large = "return document.querySelector('#large img')?.src.split('/').pop()"
    page.browser.until(f"{large} === '2?size=1280'")
    frame = page.browser.driver.find_elements(By.CSS_SELECTOR, OPTIONS)[4]
    page.browser.hover(frame)
    page.browser.until(f"{large} === '4?size=1280'")
    page.browser.hover(page.browser.driver.find_element(By.TAG_NAME, "h1"))
    page.browser.until(f"{large} === '2?size=1280'")
    frame.click()
    page.says("Chosen: sample 4, 0:20.")


def test_without_the_token_it_says_what_to_do_and_recovers(page: Page) -> None:
    page.browser.driver.delete_all_cookies()
    page.browser.visit(page.url.partition("?")[0])
    page.browser.driver.delete_all_cookies()
    page.browser.driver.refresh()
    assert page.complains() == "Open the address that `reconcile choose` printed."
    page.open()
    assert not page.browser.driver.find_element(By.ID, "problem").is_displayed()


def test_a_server_that_ended_is_said(browser: Browser) -> None:
    fake = ChooseFake()
    with choose_fake(fake) as url:
        page = Page(browser, fake, url)
        page.open()
    browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    told = "The server does not answer. Start `reconcile choose` again: what you chose is kept."
    assert page.complains() == told


def test_back_from_the_review_one_is_where_one_was(page: Page) -> None:
    page.open()
    page.browser.press(Keys.END, Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen")
    page.review()
    page.browser.press(Keys.ESCAPE)
    row = page.browser.driver.find_element(By.ID, "row-39")
    page.browser.until("return document.querySelector('#list').scrollTop > 0")
    edge = "return document.querySelector('#list').getBoundingClientRect().bottom"
    assert row.rect["y"] + row.rect["height"] <= page.browser.run(edge)
    page.browser.press("k")
    page.shows(page.id(38))


def test_a_file_that_changed_is_said_and_the_choices_carried_over(page: Page) -> None:
    page.open()
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen")
    page.fake.conflict = FILES[0]
    page.review()
    assert f"{FILES[0]} changed on disk since it was read." in page.text("#conflicts")
    assert page.text("#items .error") == f"{FILES[0]} changed on disk."
    page.browser.driver.find_element(By.CSS_SELECTOR, "#conflicts button").click()
    page.says("carried over")
    assert page.text("#conflicts") == ""
    assert page.fake.posted[-1] == ("carry", {"file": FILES[0]})


def test_what_is_left_of_a_write_is_said(page: Page) -> None:
    page.open()
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER, "j", Keys.ARROW_RIGHT, Keys.ENTER)
    until(lambda: len(page.fake.chosen) == 2, page)
    page.fake.conflict = FILES[0]
    page.review()
    page.browser.press(Keys.TAB, Keys.ENTER)
    page.says("Written: 1 file.")
    assert page.text("#written").split("\n")[1:4] == [
        FILES[1],
        "Left as they are: 1 file",
        f"{FILES[0]} changed on disk.",
    ]
    assert page.fake.written == {page.id(1)}


def test_nothing_is_written_that_was_not_reviewed(page: Page) -> None:
    page.open()
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen")
    page.review()

    def second_tab() -> None:
        page.fake.chosen[page.id(1)] = {"set": "sample", "index": 4}

    page.fake.meanwhile = second_tab
    page.browser.press(Keys.TAB, Keys.ENTER)
    assert page.complains() == "Something changed since the review. Nothing was written: look at the review again."
    page.browser.until("return document.querySelector('#items').children.length === 2")
    assert page.fake.written == set()


def test_what_changes_elsewhere_is_seen_and_the_current_asset_stays(page: Page) -> None:
    page.fake.reading = {"done": 12, "total": 40, "waiting": ""}
    page.open()
    page.browser.press("j", "j")
    page.shows(page.id(2))
    new = {f"{99:08x}{'cd' * 12}": 99}
    page.fake.assets = new | page.fake.assets
    page.fake.chosen[page.id(0)] = {"set": "sample", "index": 4}
    page.fake.version += 1
    page.browser.until("return document.querySelector('#row-1 .marks')?.textContent.includes('chosen')")
    assert page.browser.run("return document.querySelector('#list').getAttribute('aria-activedescendant')") == "row-3"
    page.shows(page.id(2))


def test_hostile_titles_stay_text(page: Page) -> None:
    page.open()
    page.at(5)
    assert page.browser.run("return document.querySelector('#asset-title').textContent") == HOSTILE + ""
    page.browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.says("Chosen")
    page.review()
    assert page.browser.run("return document.querySelector('#items h3').textContent") == HOSTILE
    assert page.browser.console() == []
    assert page.foreign() == []
    assert "Choose covers" in page.browser.driver.title
    assert page.browser.run("return document.querySelectorAll('main script, [onerror]').length") == 0


def test_a_long_review_shows_all_in_parts(browser: Browser) -> None:
    fake = ChooseFake(250)
    fake.chosen = {asset_id: {"set": "sample", "index": 1} for asset_id, n in fake.assets.items() if n != 3}
    with choose_fake(fake) as url:
        page = Page(browser, fake, url)
        page.open()
        page.review()
        cards = "return document.querySelector('#items').children.length"
        button = browser.driver.find_element(By.ID, "more")
        assert (browser.run(cards), button.text) == (100, "Show 100 more of 149")
        button.click()
        assert (browser.run(cards), button.text) == (200, "Show 49 more of 49")
        button.click()
        assert (browser.run(cards), button.is_displayed()) == (249, False)
        browser.until("return document.querySelectorAll('#diff .added').length === 249")
        assert page.text("#write") == "Write 249 covers"


def test_twenty_thousand_assets_are_scrolled_with_few_of_them_in_the_document(browser: Browser) -> None:
    fake = ChooseFake(20_000)
    with choose_fake(fake) as url:
        page = Page(browser, fake, url)
        page.open()
        assert browser.run("return document.querySelector('#rows').offsetHeight") == 20_000 * 88
        for part in (0.25, 0.5, 0.75):
            browser.run(f"const e = document.querySelector('#list'); e.scrollTop = e.scrollHeight * {part}")
            browser.until(f"return document.querySelector('#row-{int(20_000 * part)}:not(.empty)')")
            assert browser.run("return document.querySelectorAll('#rows .row').length") < 40
        browser.press(Keys.END)
        page.shows(page.id(19_999))
        assert browser.run("return document.querySelector('#list').scrollTop") > 19_000 * 88


def test_nothing_moves_while_pictures_and_snapshots_come(page: Page) -> None:
    page.fake.delay = 0.2
    page.browser.visit(page.url)
    page.browser.run(SHIFTS)
    page.browser.until(READY)
    page.browser.press("j", "j")
    page.shows(page.id(2))
    page.browser.until(READY)
    page.browser.until("return [...document.images].every((image) => image.loading === 'lazy' || image.complete)")
    assert sum(page.browser.run("return window.shifted")) < 0.02
