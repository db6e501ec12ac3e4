"""Tokenise as the paper did: with the Perl scripts of Moses, and Serbian in Latin script.

The scripts come with the package mosestokenizer. sacremoses differs: the Perl tokeniser splits
the viramas and nuktas of Indic scripts off as separate words, and the paper's scores depend on
it.
"""

import logging
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import cyrtranslit

from neuron_specialization.corpora.corpus_files import SplitSource
from neuron_specialization.corpora.readers import Line
from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import two_letter_code

RECIPES: Mapping[str, Sequence[tuple[str, ...]]] = {
    # IWSLT-14 as in fairseq's and LaSS's scripts, but without escapes such as &apos;
    "moses": [("tokenizer-v1.1.perl", "-q", "-no-escape")],
    # the validation and test sets of EC30: "e-mail" becomes "e @-@ mail"
    "moses_aggressive": [
        ("normalize-punctuation.perl",),
        ("tokenizer-v1.1.perl", "-q", "-a", "-no-escape"),
    ],
}
"""Scripts of each recipe in the order of use, with their options."""
LINES_AT_ONCE = 20_000
"""Lines per script call, large enough for start-up time not to matter."""


def tokenise(sentences: Sequence[str], language: str, recipe: str) -> list[str]:
    """Tokenise sentences with the Perl scripts of a recipe; separate words with spaces.

    Raise InputError if Perl is missing.
    """
    text = "".join(f"{sentence}\n" for sentence in sentences).encode()
    rules = rules_of(language)
    for script, *options in RECIPES[recipe]:
        text = _run_perl(_moses_folder() / script, [*options, "-l", rules], text)
    words = text.decode().removesuffix("\n").split("\n") if text else []
    if len(words) != len(sentences):
        raise RuntimeError(f"{recipe}: {len(sentences)} sentences became {len(words)}")
    return words


def written_in_latin(lines: Iterable[Line], split: SplitSource, pair: str) -> Iterator[Line]:
    """Yield the lines of a pair; convert (Serbian) sides listed in `romanise` to Latin script."""
    in_latin = [language in split.romanise for language in pair.split("-")]
    if not any(in_latin):
        yield from lines
        return
    for key, *texts in lines:
        source, target = (
            cyrtranslit.to_latin(text, "sr") if latin and text else text
            for latin, text in zip(in_latin, texts, strict=True)
        )
        yield Line(key, source, target)


def tokenised(lines: Iterable[Line], split: SplitSource, pair: str) -> Iterator[Line]:
    """Yield the lines of a pair, tokenised by the recipe of the split; None stays None."""
    if not split.tokenise:
        yield from lines
        return
    lines = iter(lines)
    while block := list(islice(lines, LINES_AT_ONCE)):
        keys, *sides = zip(*block, strict=True)
        columns = [
            _tokenise_side(side, language, split.tokenise)
            for side, language in zip(sides, pair.split("-"), strict=True)
        ]
        yield from map(Line, keys, *columns)


def _tokenise_side(side: Sequence[str | None], language: str, recipe: str) -> Iterator[str | None]:
    words = tokenise([text or "" for text in side], language, recipe)
    return (None if text is None else word for text, word in zip(side, words, strict=True))


@cache
def rules_of(language: str) -> str:
    """Return the code of a language in Moses; log once which rules the language gets."""
    code = two_letter_code(language)
    has_own = (_moses_folder() / f"nonbreaking_prefixes/nonbreaking_prefix.{code}").is_file()
    rules = f"the rules for {code}" if has_own else "generic rules and English abbreviations"
    logging.info("Moses: %s gets %s", language, rules)
    return code


def _moses_folder() -> Path:
    package = find_spec("mosestokenizer")
    if package is None or package.origin is None:
        raise InputError("the package mosestokenizer is missing; recreate the environment")
    return Path(package.origin).parent


def _run_perl(script: Path, options: Sequence[str], text: bytes) -> bytes:
    perl = shutil.which("perl")
    if perl is None:
        raise InputError("the corpora are tokenised by Perl scripts: install perl")
    # no locale: sorting and character classes must not depend on the machine
    environment = {**os.environ, "LC_ALL": "C", "PERL_UNICODE": ""}
    done = subprocess.run(
        [perl, script, *options], input=text, capture_output=True, env=environment, check=False
    )
    if done.returncode:
        stderr = done.stderr.decode(errors="replace")[-500:]
        raise InputError(f"{script.name}: Perl failed ({stderr})")
    return done.stdout
