"""Exported models decoded by CTranslate2, to the hypotheses and scores of fairseq.

CTranslate2 gives the forced target tag no log-probability, and a hypothesis that is cut off at the
longest length no </s>. Both are scored here, the length is that of all tokens, and the beam's
hypotheses are compared again: then they are fairseq's, whose score is the log-probability of all
tokens, tag and </s> among them, over their number to the power of the length penalty.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2

from neuron_specialization.corpora.vocabulary import END
from neuron_specialization.decoding_settings import DecodingSettings
from neuron_specialization.errors import InputError
from neuron_specialization.exported import Description
from neuron_specialization.hypotheses import Hypothesis

PAD = "<blank>"  # fairseq never writes it, CTranslate2 might


class CTranslate2Engine:
    """CTranslate2's beam search."""

    def __init__(
        self, folder: Path, description: Description, device: str, threads: int | None
    ) -> None:
        if device == "cuda" and not ctranslate2.get_cuda_device_count():
            raise InputError("no GPU is there for CTranslate2; use --device cpu")
        try:
            self.model = ctranslate2.Translator(
                str(folder), device=device, intra_threads=threads or 0
            )
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{folder}: not a CTranslate2 model ({error})") from error
        self.tag = [description.target_tag] if description.target_tag else []
        self.positions = description.max_target_positions

    def translate(
        self, sources: Sequence[Sequence[str]], settings: DecodingSettings
    ) -> list[Hypothesis]:
        """The best hypothesis of each source; sources have their tag and </s>."""
        longest = settings.max_length(max(map(len, sources)), self.positions)
        found = self.model.translate_batch(
            sources,
            [self.tag] * len(sources) if self.tag else None,
            beam_size=settings.beam,
            num_hypotheses=settings.beam,
            length_penalty=settings.length_penalty,
            return_scores=True,
            return_end_token=True,
            max_input_length=0,
            max_decoding_length=longest,
            min_decoding_length=0 if self.tag else 1,  # as fairseq: no empty hypothesis
        )
        tags = self.tag_scores(sources)
        ends = self.end_scores(sources, found)
        return [
            self.best(result, tag, end, settings.length_penalty)
            for result, tag, end in zip(found, tags, ends, strict=True)
        ]

    def tag_scores(self, sources: Sequence[Sequence[str]]) -> list[float]:
        """The log-probability of the target tag after each source."""
        if not self.tag:
            return [0.0] * len(sources)
        found = self.model.score_batch(sources, [self.tag] * len(sources), max_input_length=0)
        return [each.log_probs[0] for each in found]

    def end_scores(
        self, sources: Sequence[Sequence[str]], found: Sequence[Any]
    ) -> list[dict[int, float]]:
        """The log-probability of </s> after each hypothesis that was cut off, by its number."""
        cut = [
            (sentence, number)
            for sentence, result in enumerate(found)
            for number, words in enumerate(result.hypotheses)
            if words[-1] != END
        ]
        ends: list[dict[int, float]] = [{} for _ in sources]
        if cut:
            targets = [found[sentence].hypotheses[number] for sentence, number in cut]
            of_cut = [sources[sentence] for sentence, _ in cut]
            scored = self.model.score_batch(of_cut, targets, max_input_length=0)
            for (sentence, number), each in zip(cut, scored, strict=True):
                ends[sentence][number] = each.log_probs[-1]
        return ends

    def best(
        self, result: Any, tag: float, ends: dict[int, float], length_penalty: float
    ) -> Hypothesis:
        """The best hypothesis by fairseq's score, without its tag."""
        scored = []
        pairs = zip(result.hypotheses, result.scores, strict=True)
        for number, (words, score) in enumerate(pairs):
            total = score * len(words) ** length_penalty + tag + ends.get(number, 0.0)
            length = len(words) + (number in ends)
            scored.append((PAD not in words, total / length**length_penalty, -number))
        _, score, number = max(scored)
        words = result.hypotheses[-number][len(self.tag) :]
        return Hypothesis(words=words, score=score)
