"""The explorer shows the same numbers in a browser as the tables."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from neuron_specialization.figures.explorer import pack, write_explorer
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.languages import Language
from tests.browser import errors, open_page, wait_until

LANGUAGES = {
    code: Language(code=code, name=f"{code} <i>", family=code[0].upper(), script="Latin")
    for code in ("b1", "a1", "b2", "a2")
}
ORDER = ["b1", "b2", "a1", "a2"]


def make_counts() -> Counts:
    directions = tuple([f"en-{c}" for c in LANGUAGES] + [f"{c}-en" for c in LANGUAGES])
    random = np.random.default_rng(1)
    # many ties, and numbers beyond 16 bits
    sentence_LNF = random.integers(0, 30, (8, 4, 100))
    sentence_LNF[:, 1] = 0
    token_LNF = random.integers(0, 9, (8, 4, 100)) ** 6
    token_LNF[:, 1, 60:] = 0  # a narrower layer
    return Counts(
        directions=directions,
        layers=tuple(f"{stack}.layers.{n}" for stack in ("encoder", "decoder") for n in range(2)),
        sentence_LNF=sentence_LNF,
        token_LNF=token_LNF,
        widths_N=np.array([100, 60, 100, 100]),
        provenance={},
    )


def write_page(folder: Path, k: float) -> Path:
    path = folder / "explorer.html"
    write_explorer(
        make_counts(), LANGUAGES, path=path, title="a & b", pivot="en", k=k, counting="sentence"
    )
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("explorer"), 95)


@pytest.fixture
def page(path: Path) -> Iterator[webdriver.Chrome]:
    with open_page(path) as page:
        wait_until(lambda: page.find_elements(By.CSS_SELECTOR, "body[data-ready]"))
        yield page
        assert errors(page) == []


def choose(page: webdriver.Chrome, name: str, text: str) -> None:
    Select(page.find_element(By.ID, name)).select_by_visible_text(text)


def type_k(page: webdriver.Chrome, k: float) -> None:
    field = page.find_element(By.ID, "k")
    field.clear()
    field.send_keys(f"{k}\t")


def shown(page: webdriver.Chrome, i: int, j: int, of: int = 4) -> str:
    """Return the text shown when the mouse is over a cell."""
    canvas = page.find_element(By.ID, "canvas")
    left, cell = page.execute_script("const {left, cell} = layout(); return [left, cell];")
    width, height = canvas.size["width"], canvas.size["height"]
    x, y = left + (j + 0.5) * cell - width / 2, (i + 0.5) * cell - height / 2
    ActionChains(page).move_to_element_with_offset(canvas, int(x), int(y)).perform()
    return page.find_element(By.ID, "tip").text


def iou_of(text: str) -> float:
    return float(re.search(r"IoU ([\d.]+)", text).group(1))


def test_a_narrower_layer_has_its_own_number_of_neurons(page: webdriver.Chrome) -> None:
    choose(page, "layer", "Encoder layer 2")
    choose(page, "counting", "token")
    type_k(page, 100)
    assert shown(page, 0, 0) == "b1-en: 60 of 60 neurons"
    assert shown(page, 0, 1) == "b1-en and b2-en: IoU 1.0000, 60 of 60 neurons"
    choose(page, "layer", "Encoder layer 1")
    assert shown(page, 0, 0) == "b1-en: 100 of 100 neurons"


@pytest.mark.parametrize(
    ("layer", "side", "counting", "k"),
    [
        ("Decoder layer 1", "o2m", "sentence", 95),
        ("Decoder layer 2", "o2m", "token", 70),
        ("Encoder layer 1", "m2o", "sentence", 50.5),
        ("Encoder layer 1", "m2o", "token", 99),
        ("Decoder layer 1", "o2m", "sentence", 100),
    ],
)
def test_a_cell_shows_the_iou_of_the_table(
    page: webdriver.Chrome, layer: str, side: str, counting: str, k: float
) -> None:
    choose(page, "layer", layer)
    choose(page, "counting", counting)
    type_k(page, k)
    stack, number = layer.lower().split()[0], int(layer[-1]) - 1
    overlap = Overlap.of(select_all(make_counts(), k=k, counting=counting), "en")
    expected = overlap.matrix(f"{stack}.layers.{number}", ORDER)
    for i, j in ((0, 1), (2, 0), (3, 2)):
        text = shown(page, i, j)
        names = [f"en-{ORDER[n]}" if side == "o2m" else f"{ORDER[n]}-en" for n in (i, j)]
        assert text.startswith(f"{names[0]} and {names[1]}: ")
        assert iou_of(text) == pytest.approx(expected[i, j], abs=5e-5)


def test_k_is_shown_as_it_is_used(page: webdriver.Chrome) -> None:
    type_k(page, 95.25)
    assert page.find_element(By.ID, "k").get_attribute("value") == "95.3"
    assert page.execute_script("return view.k;") == 95.3


def test_the_initial_k_is_shown_as_it_is_used(tmp_path: Path) -> None:
    with open_page(write_page(tmp_path, 70.06)) as page:
        wait_until(lambda: page.find_elements(By.CSS_SELECTOR, "body[data-ready]"))
        assert page.find_element(By.ID, "k").get_attribute("value") == "70.1"
        assert page.execute_script("return view.k;") == 70.1


def test_the_slider_changes_the_map_at_once(page: webdriver.Chrome) -> None:
    before = shown(page, 0, 1)
    slider = page.find_element(By.ID, "slider")
    slider.send_keys(*["\ue012"] * 40)  # 40 steps to the left
    assert page.find_element(By.ID, "k").get_attribute("value") == "75"
    assert shown(page, 0, 1) != before


def test_both_sides_are_ordered_by_side_and_family(page: webdriver.Chrome) -> None:
    choose(page, "side", "both")
    names = [
        option.text.split()[0] for option in Select(page.find_element(By.ID, "language")).options
    ]
    assert names == [f"en-{c}" for c in ORDER] + [f"{c}-en" for c in ORDER]
    assert shown(page, 0, 5).startswith("en-b1 and b2-en")


def test_the_nearest_and_farthest_languages_are_listed(page: webdriver.Chrome) -> None:
    overlap = Overlap.of(select_all(make_counts(), k=95, counting="sentence"), "en")
    row = overlap.matrix("decoder.layers.0", ORDER)[2]
    expected = [ORDER[i] for i in np.argsort(-row) if i != 2]
    Select(page.find_element(By.ID, "language")).select_by_value("en-a1")
    listed = page.find_element(By.ID, "similar").text.split("\n")
    assert [line.split()[0] for line in listed] == expected
    assert "<i>" in listed[0]  # a name is text, not markup
    assert listed[0].endswith(f"{row.max(initial=0, where=np.arange(4) != 2):.4f}")


def test_the_tree_has_every_language_and_ends_at_the_last_distance(page: webdriver.Chrome) -> None:
    tree = page.find_element(By.ID, "tree").text.split("\n")
    assert set(ORDER) <= set(tree)
    assert any(text.startswith("1 − IoU = 0.") for text in tree)


def test_a_layer_without_active_neurons_is_explained(page: webdriver.Chrome) -> None:
    choose(page, "layer", "Encoder layer 2")
    assert (
        "No neuron of this layer fired for b1, b2, a1, a2"
        in page.find_element(By.ID, "message").text
    )
    assert "no neurons" in shown(page, 0, 1)
    assert "Two directions with neurons" in page.find_element(By.ID, "tree").text
    choose(page, "layer", "Decoder layer 1")
    assert not page.find_element(By.ID, "message").is_displayed()


def test_the_page_needs_no_network(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "a &amp; b" in text
    assert not re.search(r"https?://", text)
    assert not re.search(r"(src|href)=", text)


def test_counts_use_the_fewest_bytes() -> None:
    assert pack(np.array([[[[65535]]]]))[1] == 2
    assert pack(np.array([[[[65536]]]]))[1] == 4


def test_names_cannot_add_scripts_to_the_page(tmp_path: Path) -> None:
    image = '<img src=x onerror="document.title = 1">'
    names = {
        "de": image,
        "nl": "<!--<script>",
        "fr": "</script><script>document.title = 1</script>",
    }
    counts = make_counts()
    codes = {pair.replace("en", "").strip("-") for pair in counts.directions}
    languages = {
        code: Language(code=code, name=names.get(code, image), family=f"{image}{n}", script=image)
        for n, code in enumerate(sorted(codes))
    }
    path, title = tmp_path / "page.html", "{{head}} {{counts}} " + image
    write_explorer(counts, languages, path=path, title=title, pivot="en", k=95, counting="token")
    with open_page(path) as page:
        wait_until(lambda: page.find_elements(By.CSS_SELECTOR, "body[data-ready]"))
        assert page.find_element(By.TAG_NAME, "h1").text == f"Neurons of {title}"
        assert page.title.startswith("Neurons of {{head}}")
        assert not page.find_elements(By.TAG_NAME, "img")
        assert errors(page) == []
