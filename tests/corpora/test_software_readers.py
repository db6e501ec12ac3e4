"""Reading catalogues, LibreOffice's help and Mallard pages."""

from collections import Counter

import polib
import pytest

from neuron_specialization.corpora.catalogues import read_catalogue
from neuron_specialization.corpora.help_pages import match_blocks, read_blocks
from neuron_specialization.corpora.mallard_pages import match_pages, read_pages
from neuron_specialization.corpora.translations import Translation
from neuron_specialization.errors import InputError
from tests.corpora.debs import catalogue

SLAVIC = (
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && "
    "(n%100<12 || n%100>14) ? 1 : 2);"
)
OPEN = polib.POEntry(msgctxt="menu|open", msgid="_Open", msgstr="Öff_nen")
FILES = polib.POEntry(
    msgctxt="STR_FILES",
    msgid="One file",
    msgid_plural="%1 files",
    msgstr_plural={0: "%1 файл", 1: "%1 файла", 2: "%1 файлов"},
)


@pytest.mark.parametrize("suffix", [".mo", ".po"])
def test_catalogues_have_their_plurals_by_the_rule_of_the_header(suffix: str) -> None:
    found = catalogue(OPEN, FILES, plural=SLAVIC)
    content = found.to_binary() if suffix == ".mo" else str(found).encode()
    strings = {string.english: string for string in read_catalogue(f"ru/sw{suffix}", content)}
    assert strings == {
        "_Open": Translation(("sw", "menu|open", "_Open"), "_Open", "Öff_nen", True),
        "One file": Translation(("sw", "STR_FILES", "One file"), "One file", "%1 файл"),
        "%1 files": Translation(("sw", "STR_FILES", "%1 files"), "%1 files", "%1 файлов"),
    }


def test_a_header_without_rule_means_that_of_english() -> None:
    content = catalogue(FILES, plural="").to_binary()
    texts = [string.translation for string in read_catalogue("sw.mo", content)]
    assert texts == ["%1 файл", "%1 файла"]


def test_fuzzy_and_obsolete_entries_are_not_read() -> None:
    guess = polib.POEntry(msgid="Close", msgstr="Öffnen", flags=["fuzzy"])
    past = polib.POEntry(msgid="Exit", msgstr="Ausgang", obsolete=True)
    content = str(catalogue(OPEN, guess, past)).encode()
    assert [string.english for string in read_catalogue("sw.po", content)] == ["_Open"]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("de/sw.qm", b"<\xb8\x64\x18\xca\xef", "not a gettext catalogue.*leave this package out"),
        ("de/sw.mo", b'{"Open": "Offen"}', "not a gettext catalogue"),
        ("de/sw.mo", catalogue(OPEN).to_binary()[:30], "damaged catalogue"),
        ("de/sw.po", b"msgid\nmsg", "damaged catalogue"),
        ("de/sw.po", 'msgid "é"\n'.encode("latin-1"), "damaged catalogue"),
        ("de/sw.mo", catalogue(FILES, plural="plural=n*(").to_binary(), "Plural-Forms 'plural"),
    ],
)
def test_other_and_damaged_catalogues_are_refused(path: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"{path}: .*{message}"):
        list(read_catalogue(path, content))


def page(*blocks: str) -> bytes:
    return ("<html><body>" + "\n".join(blocks) + "</body></html>").encode()


def block(number: int, text: str, tag: str = "p", kind: str = "paragraph") -> str:
    start = "hd" if tag.startswith("h") else "par"
    return f'<{tag} id="{start}_id{number}" class="{kind}" dir="auto">{text}</{tag}>'


def case(name: str, text: str) -> str:
    css = "" if name == "default" else f' class="{name}"'
    return f'<span hidden="true" id="{name}xml_1"{css}><span class="keycode">{text}</span></span>'


def switch(*cases: str) -> str:
    return f'<span id="swlnsys_1" class="switchinline">{"".join(cases)}</span>'


def test_blocks_are_matched_by_page_and_id() -> None:
    counts: Counter[str] = Counter()
    english = {
        "a.html": page(block(1, "Open <b>a\n file</b>", "h2"), block(2, "Only English")),
        "b.html": page(block(1, "Another title", "h2"), '<p dir="auto">Without id</p>'),
    }
    german = {
        "a.html": page(block(1, "Datei öffnen", "h2"), block(3, "Nur deutsch")),
        "b.html": page(block(1, "Anderer Titel", "h2")),
    }
    sides = [read_blocks("help", pages, counts) for pages in (english, german)]
    assert list(match_blocks(sides[0], sides[1], counts)) == [
        Translation(("a.html", "hd_id1"), "Open a file", "Datei öffnen"),
        Translation(("b.html", "hd_id1"), "Another title", "Anderer Titel"),
    ]
    assert +counts == {"unpaired": 1}


def test_a_switch_is_its_default() -> None:
    counts: Counter[str] = Counter()
    keys = switch(case("MAC", "Command"), case("default", "Ctrl"))
    only = switch(case("WIN", "the registry"))
    pages = {"a.html": page(block(1, f"Press {keys}+F."), block(2, f"See {only}{keys}."))}
    assert read_blocks("help", pages, counts) == {("a.html", "par_id1"): "Press Ctrl+F."}
    assert +counts == {"no_default": 1}


def test_an_id_used_twice_is_left_out_unless_the_text_is_the_same() -> None:
    counts: Counter[str] = Counter()
    pages = {
        "a.html": page(block(1, "Save"), block(1, "Copy"), block(2, "Cut"), block(2, "Cut")),
        "b.html": page(block(1, "Print")),
    }
    assert read_blocks("help", pages, counts) == {
        ("a.html", "par_id2"): "Cut",
        ("b.html", "par_id1"): "Print",
    }
    assert +counts == {"repeated_id": 1}


@pytest.mark.parametrize("kind", ["code", "codeintable", "smathcode"])
def test_program_code_is_left_out(kind: str) -> None:
    counts: Counter[str] = Counter()
    pages = {"a.html": page(block(1, "Sub Main", kind=kind), block(2, "Text"))}
    assert list(read_blocks("help", pages, counts).values()) == ["Text"]
    assert +counts == {"code": 1}


def test_help_of_another_layout_is_refused() -> None:
    with pytest.raises(InputError, match=r"help.deb: no paragraph or heading .* in 1 pages"):
        read_blocks("help.deb", {"a.html": page("<p>Text</p>")}, Counter())
    with pytest.raises(InputError, match=r"help.deb: a.html: not UTF-8"):
        read_blocks("help.deb", {"a.html": b"\xff"}, Counter())


def mallard(inside: str) -> bytes:
    return f'<page xmlns="http://projectmallard.org/1.0/">{inside}</page>'.encode()


def test_mallard_pages_are_matched_by_the_paths_of_their_blocks() -> None:
    comment = "<comment><p>Check this!</p></comment>"
    credit = "<credit><name>A. Author</name></credit>"
    english = read_pages(
        "gnome",
        {
            "copy.page": mallard(
                f"<info>{comment}{credit}<desc>Copy\n files.</desc></info><title>Copy</title>"
                "<p>Press <keyseq><key>Ctrl</key> <key>C</key></keyseq> in <app>Files</app>.</p>"
                '<media type="image"><p>A picture</p></media>'
                '<item><p>Click <media type="image">the gear</media>.</p></item>'
            ),
            "move.page": mallard("<p>Move it.</p>"),
            "only.page": mallard("<p>Only.</p>"),
        },
    )
    german = read_pages(
        "gnome",
        {
            "copy.page": mallard(
                "<info><desc>Dateien kopieren.</desc></info><title>Kopieren</title>"
                "<p>In <app>Dateien</app> <keyseq><key>Strg</key><key>C</key></keyseq>.</p>"
                "<item><p><media>Das Zahnrad</media> anklicken.</p></item>"
            ),
            "move.page": mallard("<note><p>Verschieben.</p></note>"),
        },
    )
    counts: Counter[str] = Counter()
    found = [(text.english, text.translation) for text in match_pages(english, german, counts)]
    assert found == [
        ("Copy files.", "Dateien kopieren."),
        ("Copy", "Kopieren"),
        ("Press Ctrl+C in Files.", "In Dateien Strg+C."),
        ("Click the gear.", "Das Zahnrad anklicken."),
    ]
    assert counts == {"misaligned_pages": 1, "missing_pages": 1}


def test_a_page_that_is_not_xml_is_named() -> None:
    with pytest.raises(InputError, match=r"gnome.deb: copy.page: not well-formed"):
        read_pages("gnome.deb", {"copy.page": b"<page><p></page>"})
