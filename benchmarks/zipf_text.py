"""Made-up parallel text: random words by Zipf's law, in each language's script.

Sentences have about 20 words; one pair in fifty has a fault that cleaning detects. The same
arguments give the same text.
"""

from functools import partial
from pathlib import Path

import numpy as np

from neuron_specialization.parallel import parallel_map

ALPHABETS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "de": "abcdefghijklmnopqrstuvwzäöüß",
    "ru": "абвгдежзиклмнопрстуфхцчшыюя",
    "hi": "कखगचजटडतदनपबमयरलवसहािीुूे",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
    "am": "ሀለሐመረሰሸቀበተቸነአከወዘየደገጠፈ",
}
PIVOT, *OTHERS = ALPHABETS
WORDS, SYLLABLES, SENTENCE = 50_000, 400, 20
BLOCK = 20_000  # sentences generated at a time


def write_text(folder: Path, pairs: int, languages: int, processes: int) -> None:
    """Write sentence pairs, divided evenly among some languages."""
    folder.mkdir()
    parallel_map(partial(write_pair, folder, pairs // languages), OTHERS[:languages], processes)


def write_pair(folder: Path, pairs: int, language: str) -> None:
    """Write sentence pairs of the pivot and a language."""
    generator = np.random.default_rng([1, OTHERS.index(language)])
    words = {
        side: make_words(ALPHABETS[side], np.random.default_rng([2, number]))
        for number, side in enumerate((PIVOT, language))
    }
    for start in range(0, pairs, BLOCK):
        lengths = np.maximum(1, generator.poisson(SENTENCE, min(BLOCK, pairs - start)))
        others = np.maximum(1, np.round(lengths * generator.normal(1, 0.15, len(lengths))))
        sizes = {PIVOT: lengths, language: others.astype(int)}
        text = {side: draw_sentences(words[side], sizes[side], generator) for side in words}
        add_noise([*text.values()], generator)
        for side, lines in text.items():
            with (folder / f"{PIVOT}-{language}.{side}").open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)


def make_words(alphabet: str, generator: np.random.Generator) -> np.ndarray:
    """Return words of one to five syllables of one to three letters, the most frequent first."""
    sizes = generator.integers(1, 4, SYLLABLES)
    syllables = ["".join(generator.choice(list(alphabet), size)) for size in sizes]
    words: dict[str, None] = {}
    while len(words) < WORDS:
        parts = generator.integers(0, SYLLABLES, generator.integers(1, 6))
        words["".join(syllables[i] for i in parts)] = None
    return np.array(list(words), dtype=object)


def draw_sentences(
    words: np.ndarray, lengths: np.ndarray, generator: np.random.Generator
) -> list[str]:
    """Return sentences of these lengths: a word of rank r with a probability of about 1 / r."""
    ranks = np.exp(generator.random(lengths.sum()) * np.log(len(words))).astype(int) - 1
    drawn, ends = words[ranks].tolist(), np.cumsum(lengths).tolist()
    return [
        " ".join(drawn[end - size : end]) + "." for end, size in zip(ends, lengths, strict=True)
    ]


def add_noise(pair: list[list[str]], generator: np.random.Generator) -> None:
    """Make one pair in fifty empty, too long, untidy or a duplicate."""
    for i in np.flatnonzero(generator.random(len(pair[0])) < 0.02):
        kind, side = generator.integers(0, 4), pair[generator.integers(0, 2)]
        if kind == 3:
            for each in pair:
                each[i] = each[i - 1]
        else:
            side[i] = ("", " ".join([side[i]] * 20), f"  {i} \t {side[i]}\u00a0")[kind]
