"""Made-up parallel text: words of random syllables in a script per language, by Zipf's law.

Some 20 words to a sentence, one pair in fifty with something that cleaning finds. The same numbers
give the same text.
"""

from functools import partial
from pathlib import Path

import numpy as np

from neuron_specialization.parallel import map_processes

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
BLOCK = 20_000  # sentences that are made at a time


def write_text(folder: Path, pairs: int, languages: int, processes: int) -> None:
    """Write so many sentence pairs, shared out evenly among so many languages."""
    folder.mkdir()
    map_processes(partial(write_pair, folder, pairs // languages), OTHERS[:languages], processes)


def make_words(alphabet: str, generator: np.random.Generator) -> np.ndarray:
    """Words of one to five syllables of one to three letters, the most frequent first."""
    letters = list(alphabet)
    syllables = [
        "".join(generator.choice(letters, size)) for size in generator.integers(1, 4, SYLLABLES)
    ]
    words: dict[str, None] = {}
    while len(words) < WORDS:
        parts = generator.integers(0, SYLLABLES, generator.integers(1, 6))
        words["".join(syllables[i] for i in parts)] = None
    return np.array(list(words), dtype=object)


def draw_sentences(
    words: np.ndarray, lengths: np.ndarray, generator: np.random.Generator
) -> list[str]:
    """Sentences of so many words: the word of rank r with a probability of about 1 / r."""
    ranks = np.exp(generator.random(lengths.sum()) * np.log(len(words))).astype(int) - 1
    drawn, ends = words[ranks].tolist(), np.cumsum(lengths).tolist()
    return [
        " ".join(drawn[end - size : end]) + "." for end, size in zip(ends, lengths, strict=True)
    ]


def add_noise(pair: list[list[str]], generator: np.random.Generator) -> None:
    """Make one pair in fifty empty, too long, untidy or a repetition."""
    for i in np.flatnonzero(generator.random(len(pair[0])) < 0.02):
        kind, side = generator.integers(0, 4), pair[generator.integers(0, 2)]
        if kind == 0:
            side[i] = ""
        elif kind == 1:
            side[i] = " ".join([side[i]] * 20)
        elif kind == 2:
            side[i] = f"  {i} \t {side[i]}\u00a0"
        else:
            for each in pair:
                each[i] = each[i - 1]


def write_pair(folder: Path, pairs: int, language: str) -> None:
    """Write so many sentence pairs of the pivot and a language."""
    generator = np.random.default_rng([1, OTHERS.index(language)])
    sides = (PIVOT, language)
    words = [
        make_words(ALPHABETS[side], np.random.default_rng([2, i])) for i, side in enumerate(sides)
    ]
    paths = [folder / f"{PIVOT}-{language}.{side}" for side in sides]
    with (
        paths[0].open("w", encoding="utf-8") as left,
        paths[1].open("w", encoding="utf-8") as right,
    ):
        for start in range(0, pairs, BLOCK):
            lengths = np.maximum(1, generator.poisson(SENTENCE, min(BLOCK, pairs - start)))
            others = np.maximum(1, np.round(lengths * generator.normal(1, 0.15, len(lengths))))
            pair = [
                draw_sentences(each, size, generator)
                for each, size in zip(words, (lengths, others.astype(int)), strict=True)
            ]
            add_noise(pair, generator)
            left.writelines(f"{line}\n" for line in pair[0])
            right.writelines(f"{line}\n" for line in pair[1])
