"""Read GNOME's help: Mallard pages of English and of a language, matched by their structure.

Blocks have no ids. Pages correspond if the paths of their blocks are equal.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from neuron_specialization.corpora.translations import Translation
from neuron_specialization.errors import InputError

BLOCKS = ("p", "title", "desc")
SKIPPED = ("comment", "credit", "media")
"""Elements without blocks to translate: translated pages lack the comments, and the paragraphs of
media stand for an image. Images within a block carry a part of its text, which is kept."""
SEPARATORS = {"keyseq": "+", "guiseq": " ▸ "}
"""How a sequence of keys or of menu items is shown."""
MISALIGNED, NO_PAGE = "misaligned_pages", "missing_pages"
LEFT_OUT = (MISALIGNED, NO_PAGE)
"""Pages of English that are left out: of another structure, or absent in the language."""


class Block(NamedTuple):
    """A paragraph, title or description."""

    path: str
    """Names of the elements that it is in, and its own."""
    text: str


Pages = Mapping[str, Sequence[Block]]


def read_pages(package: str, pages: Mapping[str, bytes]) -> dict[str, list[Block]]:
    """Return the blocks of the pages of a package; raise InputError if one is not well-formed."""
    found = {}
    for page, content in pages.items():
        try:
            found[page] = list(_blocks(ElementTree.fromstring(content), ""))
        except ElementTree.ParseError as error:
            raise InputError(
                f"{package}: {page}: not well-formed XML ({error}); fetch the package again"
            ) from error
    return found


def match_pages(
    english: Pages, translated: Pages, counts: MutableMapping[str, int]
) -> Iterator[Translation]:
    """Yield the blocks of all pages that correspond; count the other pages of English.

    Args:
        english: the blocks of English by the page's path below the folder of the language.
        translated: the blocks of the language, by the same paths.
        counts: by LEFT_OUT, the pages left out; updated.
    """
    for page, blocks in english.items():
        if page not in translated:
            counts[NO_PAGE] += 1
        elif [block.path for block in blocks] != [block.path for block in translated[page]]:
            counts[MISALIGNED] += 1
        else:
            for place, (source, target) in enumerate(zip(blocks, translated[page], strict=True)):
                yield Translation((page, str(place)), source.text, target.text)


def _blocks(parent: Element, above: str) -> Iterator[Block]:
    for element in parent:
        name = _name(element)
        path = f"{above}/{name}"
        if name in BLOCKS:
            yield Block(path, " ".join("".join(_texts(element)).split()))
        elif name not in SKIPPED:
            yield from _blocks(element, path)


def _texts(element: Element) -> Iterator[str]:
    separator = SEPARATORS.get(_name(element))
    if separator and len(element) and not _has_own_text(element):
        yield separator.join("".join(_texts(part)).strip() for part in element)
        return
    yield element.text or ""
    for part in element:
        yield from _texts(part)
        yield part.tail or ""


def _has_own_text(element: Element) -> bool:
    return any((text or "").strip() for text in (element.text, *(part.tail for part in element)))


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
