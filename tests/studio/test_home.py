"""The first page: own data drawn, options, and training, in a browser."""

import csv
import math

import pytest

from tests.studio.conftest import Browser

COUNTED = """() => {
  const canvas = document.querySelector(".rows-drawn canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const counts = {};
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue;
    const key = [data[at], data[at + 1], data[at + 2]].join();
    counts[key] = (counts[key] || 0) + 1;
  }
  const style = (element) => getComputedStyle(element);
  const bars = [...document.querySelectorAll(".shares .bar i")].slice(0, 3);
  const wrong = style(document.documentElement).getPropertyValue("--wrong");
  const rgb = wrong.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16)).join();
  const classes = bars.map((bar) => counts[style(bar).backgroundColor.match(/\\d+/g).join()] || 0);
  return [classes, counts[rgb] || 0];
}"""
"""How many pixels have the colors of the first three bars, and that of a gap."""

DROP = """() => {
  const data = new DataTransfer();
  const rows = Array.from({ length: 40 }, (_, k) => `${k % 9},${k % 5},${"ab"[k % 2]}`);
  data.items.add(new File([["x,y,kind", ...rows].join("\\n")], "my table.csv"));
  const how = { dataTransfer: data, bubbles: true, cancelable: true };
  for (const name of ["dragenter", "dragover", "drop"]) {
    document.querySelector("main").dispatchEvent(new DragEvent(name, how));
  }
}"""

INKED = """() => {
  return [...document.querySelectorAll(".tiny")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value).length;
  });
}"""


@pytest.fixture
def sensors(tmp_path):
    """20 series of three classes with two channels, a gap, and a name that is no HTML."""
    with (tmp_path / "sensors.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "t", "x", "<b>y</b>", "label"])
        for series in range(20):
            kind = ["run", "sit", "مشي"][series % 3]
            for t in range(12 + series % 4):
                x = "" if (series, t) == (0, 5) else round(math.sin(t * (1 + series % 3)), 3)
                rows.writerow([f"s{series}", t, x, round(math.cos(t), 3), kind])
    return tmp_path / "sensors.csv"


def look(browser: Browser, path: str) -> None:
    browser.page.fill("#path", path)
    browser.page.press("#path", "Enter")
    browser.page.wait_for_selector(f".found h1 bdi:text-is('{path}')")


def test_what_is_in_a_table_is_drawn_and_its_roles_are_changed(open_page, sensors):
    browser = open_page()
    page = browser.page
    look(browser, "sensors.csv")
    assert "20 series" in page.inner_text(".about-data")
    assert page.locator(".shares").first.locator("bdi").all_inner_texts() == ["run", "sit", "مشي"]
    assert "7 · 35.0 %" in page.inner_text(".shares >> nth=0")
    assert "1 values are missing" in page.inner_text(".found")
    columns = page.locator(".found tbody th").all_inner_texts()
    assert columns == ["id", "t", "x", "<b>y</b>", "label"]
    assert page.locator(".found b").count() == 0
    label = page.get_attribute(".rows-drawn canvas", "aria-label")
    assert label is not None
    assert label.startswith("run: 12 steps of x, <b>y</b>. sit: ")
    # Lines in the colors of three classes, and a mark at the gap.
    drawn = page.evaluate(COUNTED)
    assert min(drawn[0]) > 40
    assert 3 <= drawn[1] <= 40

    # Another role is looked at again.
    page.click(".job:has-text('regress')")
    page.wait_for_selector("#first-target")
    page.select_option("#first-target", "<b>y</b>")
    page.wait_for_selector(".role.used:has-text('target')")
    assert "'--target=<b>y</b>'" in page.inner_text(".go code")


def test_values_of_the_recipe_stand_in_the_form_and_train(open_page, sensors, tmp_path):
    browser = open_page()
    page = browser.page
    look(browser, "sensors.csv")
    assert page.get_attribute(".job[aria-pressed=true] .name", "class") == "name"
    assert page.inner_text(".job[aria-pressed=true] .name").startswith("classify")
    page.click(".net > summary")
    assert page.get_attribute("#first-hidden_size", "placeholder") == "56"
    page.fill("#first-epochs", "1")
    page.fill("#first-hidden_size", "5")
    page.press("#first-hidden_size", "Tab")
    command = page.inner_text(".go code")
    assert (
        command == "hiddenstate classify sensors.csv --missing=forward --epochs=1 --hidden-size=5"
    )
    page.click(".go button.main")
    page.wait_for_url("**/#/run/classify-1")
    assert (tmp_path / "runs" / "classify-1" / "config.json").is_file()
    page.click("text=Home")
    listed = page.locator(".commands li").first
    assert listed.locator("code").inner_text() == f"{command} --view off"
    assert listed.locator("a").get_attribute("href") == "#/run/classify-1"
    # What was looked at is still there.
    assert page.input_value("#first-epochs") == "1"

    # A run is forked with the options that its page shows, and its curves stay behind the new ones.
    listed.locator("a").click()
    page.wait_for_selector(".status.done")
    browser.settle()  # pictures that come would move what is clicked
    page.click(".fork > summary")
    page.wait_for_selector("#first-hidden_size")
    assert page.input_value("#first-hidden_size") == "5"
    page.fill("#first-hidden_size", "4")
    page.press("#first-hidden_size", "Tab")
    assert "--epochs=1 " in page.inner_text(".fork code >> nth=-1")
    assert "--hidden-size=4 " in page.inner_text(".fork code >> nth=-1")
    assert "--log-every" not in page.inner_text(".fork code >> nth=-1")
    browser.settle()
    page.click(".fork button.main")
    page.wait_for_url("**/#/run/classify-2?ghost=classify-1")
    page.reload()
    assert page.inner_text(".haunted >> nth=0").split("\n") == [
        "this run · hidden size 4",
        "classify-1 · hidden size 5",
    ]
    assert "; classify-1: " in page.inner_text(".curve .note >> nth=0")

    # The update at the pointer is the same in both curves.
    page.hover(".curve canvas >> nth=0", position={"x": 60, "y": 40})
    page.wait_for_selector(".curve .note:has-text('at update 1') >> nth=1")


def test_the_fix_of_a_warning_is_a_button(open_page, tmp_path):
    rows = [",".join(f"p{i}" for i in range(36)) + ",label"]
    for k in range(40):
        row = [f"{(i % 6 - 3) * (k % 2 * 2 - 1) + (i * k % 5) / 5 + k / 50:.2f}" for i in range(36)]
        rows.append(",".join([*row, "ab"[k % 2]]))
    (tmp_path / "flat.csv").write_text("\n".join(rows))
    browser = open_page()
    look(browser, "flat.csv")
    browser.page.click(".warnings button:text-is('Apply: steps 6')")
    browser.page.wait_for_selector(".go code:has-text('--steps=6')")
    assert browser.page.locator(".warnings").count() == 0


def test_bundled_data_is_one_click_away(open_page):
    browser = open_page()
    page = browser.page
    page.wait_for_selector(".starter:nth-child(3) canvas")
    browser.settle()
    inked = page.evaluate(INKED)
    assert min(inked) > 500
    page.click(".starter:nth-child(2) button.main")
    page.wait_for_url("**/#/run/regress-1")


def test_folders_are_browsed_with_keys_and_files_dropped(open_page, sensors, tmp_path):
    (sensors.parent / "inner").mkdir()
    sensors.rename(sensors.parent / "inner" / "sensors.csv")
    browser = open_page()
    page = browser.page
    page.focus("text=Browse folders")
    page.keyboard.press("Enter")
    page.wait_for_selector(".folder button:has-text('inner/')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".folder button:has-text('sensors.csv')")
    page.focus(".folder button:has-text('sensors.csv')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".found h1 bdi:text-is('sensors.csv')")
    assert "inner/sensors.csv" in page.inner_text(".go code")

    found = page.wait_for_selector(".found")
    page.click("text=Home")
    found.wait_for_element_state("hidden")  # the page is made anew, and takes no file before
    page.wait_for_selector(".drop")
    page.evaluate(DROP)
    page.wait_for_selector(".found h1 bdi:text-is('my_table.csv')")
    assert (tmp_path / "runs" / "uploads" / "my_table.csv").is_file()
    assert "40 rows" in page.inner_text(".about-data")


def test_a_table_is_read_as_the_job_that_fits_reads_it(open_page, tmp_path):
    """So too with commas for points, and days before months, as in Germany."""
    days = [f"{1 + k % 28:02d}.{1 + k // 28:02d}.2023" for k in range(28)]
    sales = [f"{k % 7 + k / 9:.2f}".replace(".", ",") for k in range(28)]
    rows = [f"{s};{d};{k % 3 + 1};{sales[k]}" for s in "ns" for k, d in enumerate(days)]
    (tmp_path / "shops.csv").write_text("\n".join(["shop;day;price;sales", *rows]))
    browser = open_page()
    page = browser.page
    look(browser, "shops.csv")
    assert all("422" in problem for problem in browser.problems)  # it is read anew, with the marks
    browser.problems.clear()
    assert page.locator(".problem:visible").count() == 0
    assert page.locator(".role").all_inner_texts()[:2] == ["name of the series", "time"]
    assert page.input_value("#first-target") == "sales"
    assert "of each shop, it learns to predict sales of the next day." in page.inner_text(".will")
    assert "The last 20 % of the days of each shop are kept" in page.inner_text(".will")
    page.check("role=checkbox[name=price]")
    page.wait_for_selector(".role.used:has-text('known ahead')")
    page.wait_for_selector(".will:has-text('What price will be then is known')")
    assert "--future=price" in page.inner_text(".go code")
    assert "The first of 2 series" in page.inner_text(".found")

    # Another job reads the rows one by one.
    page.click(".job:has-text('autoencode')")
    page.wait_for_selector(".will:has-text('It learns to press each row into one number')")
    assert "of the rows are kept for the test" in page.inner_text(".will")
    assert "name of the series" not in page.locator(".role").all_inner_texts()
