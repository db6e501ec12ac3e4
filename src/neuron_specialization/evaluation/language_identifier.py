"""A language identifier trained on a dataset's own text: nothing is downloaded.

Multinomial naive Bayes (scikit-learn) over the n-grams of 1 to 4 characters within words. All
languages are equally likely beforehand. It is fitted again wherever it is needed, from a file of
sentences, so no model is stored. docs/statistics.md has its measured accuracy.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.layout import read_sentences
from neuron_specialization.evaluation.moses import detokenise
from neuron_specialization.files import read_text, write_text

TRAINING_SENTENCES = 2_000
"""Largest number of training sentences per language."""
ORDERS = (1, 4)
"""Shortest and longest n-grams, in characters."""
SMOOTHING = 0.01
"""Added to the count of every n-gram of a language."""
UNIDENTIFIED = "(none)"
"""The language of a text without letters."""
ACCURACY_COLUMNS = ("language", "training_sentences", "sentences", "errors", "percent", "taken_for")
"""A language's training sentences, its held-out sentences, how many of them are identified wrongly
(number and percentage), and the language that most of these are taken for."""


class LanguageIdentifier:
    """Identify the language of sentences, deterministically.

    Attributes:
        training_sentences: the number of training sentences of each language.
    """

    def __init__(self, texts: Mapping[str, Sequence[str]]):
        """Fit the identifier to the sentences of each language.

        Raises InputError if there are fewer than two languages, or one has no sentences.
        """
        empty = [language for language, sentences in texts.items() if not sentences]
        if empty or len(texts) < 2:
            raise InputError(
                "a language identifier needs sentences of at least two languages, "
                + (f"but there are none of {', '.join(empty)}" if empty else f"not {len(texts)}")
            )
        self.training_sentences = {language: len(each) for language, each in texts.items()}
        self._model = make_pipeline(
            CountVectorizer(analyzer="char_wb", ngram_range=ORDERS),
            MultinomialNB(alpha=SMOOTHING, fit_prior=False),
        )
        labels = [language for language, sentences in texts.items() for _ in sentences]
        self._model.fit([*chain.from_iterable(texts.values())], labels)

    def identify(self, sentences: Sequence[str]) -> list[str]:
        """Return the language of each sentence; UNIDENTIFIED if it has no letters."""
        found: Iterable[str] = self._model.predict(sentences) if sentences else []
        return [
            str(language) if has_letters(sentence) else UNIDENTIFIED
            for sentence, language in zip(sentences, found, strict=True)
        ]


def has_letters(sentence: str) -> bool:
    """Return whether a sentence has a letter of any script."""
    return any(map(str.isalpha, sentence))


def choose_sentences(candidates: Iterable[str], held_out: Collection[str]) -> list[str]:
    """Return up to TRAINING_SENTENCES different candidates, evenly spaced, none of them held out.

    Sentences without letters are left out, and so are tabs and blanks at both ends.
    """
    kept = dict.fromkeys(" ".join(sentence.split()) for sentence in candidates)
    excluded = {" ".join(sentence.split()) for sentence in held_out}
    return spread([s for s in kept if has_letters(s) and s not in excluded], TRAINING_SENTENCES)


def spread(items: Sequence[str], number: int) -> list[str]:
    """Return a number of evenly spaced items, or all if there are fewer."""
    number = min(number, len(items))
    return [items[i * len(items) // number] for i in range(number)]


def sample_lines(path: Path, number: int) -> Iterator[str]:
    """Yield about `number` lines of a UTF-8 file, evenly spaced by their bytes.

    The time does not grow with the file. A file with fewer lines is read almost completely; its
    lines may come more than once.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for i in range(number):
            file.seek(i * size // number)
            if i:
                file.readline()  # the rest of a line
            if line := file.readline():
                yield line.decode("utf-8", errors="replace")


def prepared_sentences(
    paths: Iterable[Path], held_out: Iterable[Path], *, moses: bool
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the training and the held-out sentences of each language, from prepared corpora.

    Args:
        paths: files of training text; the suffix of a name is the language.
        held_out: files of the test split; a language without a test has empty ones or none.
        moses: True if the text is Moses-tokenised; sentences are detokenised as hypotheses are.
    """
    by_language: dict[str, list[Path]] = {}
    for path in paths:
        by_language.setdefault(language_of(path), []).append(path)
    tests: dict[str, dict[str, None]] = {language: {} for language in by_language}
    for path in held_out:
        if path.stat().st_size:
            tests.setdefault(language_of(path), {}).update(dict.fromkeys(read_sentences(path)))
    if moses:
        tests = {code: dict.fromkeys(detokenise(each, code)) for code, each in tests.items()}
    training = {
        code: training_sentences(files, tests[code], moses=code if moses else "")
        for code, files in by_language.items()
    }
    return training, {code: list(each) for code, each in tests.items()}


def training_sentences(
    paths: Iterable[Path], held_out: Collection[str], *, moses: str = ""
) -> list[str]:
    """Return up to TRAINING_SENTENCES different sentences of a language, none of them held out.

    Args:
        paths: files of text.
        held_out: detokenised sentences to leave out.
        moses: the language of Moses-tokenised files, "" for plain ones.
    """
    lines = chain.from_iterable(sample_lines(path, TRAINING_SENTENCES) for path in paths)
    # more than are needed, as some may be held out
    candidates = spread(list(dict.fromkeys(lines)), 2 * TRAINING_SENTENCES)
    return choose_sentences(detokenise(candidates, moses) if moses else candidates, held_out)


def language_of(path: Path) -> str:
    """Return the language of a file of prepared text, such as `train.en-de.de`."""
    return path.name.rpartition(".")[2]


def write_training(path: Path, texts: Mapping[str, Sequence[str]]) -> None:
    """Write the training sentences of an identifier: a language, a tab and a sentence per line."""
    lines = [f"{language}\t{each}\n" for language, sentences in texts.items() for each in sentences]
    write_text(path, "".join(lines))


def read_training(path: Path) -> dict[str, list[str]]:
    """Read the training sentences of an identifier; raise InputError for a line without a tab."""
    texts: dict[str, list[str]] = {}
    for number, line in enumerate(read_text(path).removesuffix("\n").split("\n"), start=1):
        language, tab, sentence = line.partition("\t")
        if not tab:
            raise InputError(f"{path}, line {number}: expected a language, a tab and a sentence")
        texts.setdefault(language, []).append(sentence)
    return texts


def measure_accuracy(
    identifier: LanguageIdentifier, held_out: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Return how often held-out sentences are identified wrongly: ACCURACY_COLUMNS, by language.

    A language without held-out sentences has no percentage (NaN).
    """
    rows = []
    for language, number in identifier.training_sentences.items():
        sentences = held_out.get(language, ())
        wrong = Counter(each for each in identifier.identify(sentences) if each != language)
        percent = 100 * wrong.total() / len(sentences) if sentences else float("nan")
        taken_for = wrong.most_common(1)[0][0] if wrong else ""
        rows.append((language, number, len(sentences), wrong.total(), percent, taken_for))
    return pd.DataFrame(rows, columns=list(ACCURACY_COLUMNS))
