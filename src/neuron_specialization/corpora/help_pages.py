"""Read the help of LibreOffice: HTML pages of English and of a language, matched by element ids.

The ids are unique on most pages, and not across pages.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping

from neuron_specialization.corpora.bad_lines import BadLines
from neuron_specialization.corpora.text_lines import decode
from neuron_specialization.corpora.translations import Translation
from neuron_specialization.errors import InputError

# the pages are written by one XSLT: attributes are always in this order, and blocks are not nested
BLOCK = re.compile(r'<(p|h[1-6]) id="((?:par|hd)_[^"]*)"([^>]*)>(.*?)</\1>', re.DOTALL)
CODE = re.compile(r'class="[^"]*code')
TAG = re.compile(r"<(/?)([a-z]\w*)([^<>]*)>")
SWITCH, DEFAULT = 'class="switch', 'id="default'
"""Attributes of an element with a case for each system or program, and of the case for others."""
CODE_BLOCK, NO_DEFAULT, REPEATED_ID, UNPAIRED = "code", "no_default", "repeated_id", "unpaired"
LEFT_OUT = (CODE_BLOCK, NO_DEFAULT, REPEATED_ID, UNPAIRED)
"""Blocks of English that are left out: program code, a switch without default, an id that stands
for several texts of its page, and those that a language lacks."""
Key = tuple[str, str]
Blocks = Mapping[Key, str]
"""Text, in which entities stay escaped, by page and element id."""


def read_blocks(
    package: str, pages: Mapping[str, bytes], counts: MutableMapping[str, int]
) -> dict[Key, str]:
    """Return the text of the blocks of all pages; count those left out.

    Args:
        package: its name in messages.
        pages: the pages of a language, by their path below its folder.
        counts: by LEFT_OUT, what is left out; updated.

    Raises:
        InputError: pages are not UTF-8, or have no such blocks.
    """
    blocks: dict[Key, str] = {}
    bad = BadLines()
    for page, content in pages.items():
        html = decode(content)
        if html is None:
            bad.add(f"{package}: {page}: not UTF-8")
            continue
        blocks |= {(page, key): text for key, text in _read_page(html, counts).items() if text}
    bad.check("fetch the package again")
    if not blocks:
        raise InputError(
            f"{package}: no paragraph or heading with an id par_... or hd_... in {len(pages)} "
            "pages of the language; the help of this release has another layout: leave it out"
        )
    return blocks


def match_blocks(
    english: Blocks, translated: Blocks, counts: MutableMapping[str, int]
) -> Iterator[Translation]:
    """Yield the blocks that both have, in the order of English; count the others of English."""
    for key, text in english.items():
        if key in translated:
            yield Translation(key, text, translated[key])
        else:
            counts[UNPAIRED] += 1


def _read_page(html: str, counts: MutableMapping[str, int]) -> dict[str, str]:
    texts: dict[str, set[str]] = {}
    for _, key, attributes, inside in BLOCK.findall(html):
        if CODE.search(attributes):
            counts[CODE_BLOCK] += 1
        elif inside.count(SWITCH) > inside.count(DEFAULT):
            counts[NO_DEFAULT] += 1
        else:
            shown = _shown_by_default(inside) if SWITCH in inside else inside
            texts.setdefault(key, set()).add(" ".join(TAG.sub("", shown).split()))
    counts[REPEATED_ID] += sum(len(found) > 1 for found in texts.values())
    return {key: found.pop() for key, found in texts.items() if len(found) == 1}


def _shown_by_default(html: str) -> str:
    """Return HTML without the cases of its switches other than the defaults."""
    shown: list[str] = []
    spans: list[str] = []
    place = 0
    for tag in TAG.finditer(html):
        if "case" not in spans:
            shown.append(html[place : tag.start()])
        place = tag.end()
        closing, name, attributes = tag.groups()
        if name != "span":
            continue
        if closing:
            spans.pop()
        elif SWITCH in attributes:
            spans.append("switch")
        else:
            is_case = spans[-1:] == ["switch"] and DEFAULT not in attributes
            spans.append("case" if is_case else "span")
    return "".join([*shown, html[place:]])
