"""Decode exported models with CTranslate2, to the hypotheses and scores of fairseq.

fairseq's score is the log-probability of all tokens, including the target tag and </s>, over their
number to the power of the length penalty. CTranslate2's differs in three ways, corrected here
before the hypotheses of a beam are ranked again:

- it gives the forced tag no log-probability;
- a hypothesis cut off at the maximum length has no </s>, and ranks above finished ones;
- without a tag, </s> is forbidden at first, and the other tokens share its probability.

Two differences remain: it considers an empty hypothesis only if </s> is the likeliest token, and at
the maximum length hypotheses that end take places in the beam of others that are cut off.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2

from neuron_specialization.corpora.vocabulary import END
from neuron_specialization.errors import InputError
from neuron_specialization.export.hypotheses import Hypothesis
from neuron_specialization.export.manifest import ExportManifest
from neuron_specialization.settings.decoding import DecodingSettings

PAD = "<blank>"  # fairseq never generates it, CTranslate2 might


class CTranslate2Engine:
    """CTranslate2's beam search."""

    def __init__(
        self, folder: Path, manifest: ExportManifest, device: str, threads: int | None
    ) -> None:
        if device == "cuda" and not ctranslate2.get_cuda_device_count():
            raise InputError("CTranslate2 finds no GPU; use --device cpu")
        try:
            self.model = ctranslate2.Translator(
                str(folder),
                device=device,
                # the default may exceed the available cores
                intra_threads=threads or len(os.sched_getaffinity(0)),
            )
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{folder}: not a CTranslate2 model ({error})") from error
        self.tag = [manifest.target_tag] if manifest.target_tag else []
        self.positions = manifest.max_target_positions

    def translate(
        self, sources: Sequence[Sequence[str]], settings: DecodingSettings
    ) -> list[Hypothesis]:
        """Return the best hypothesis of each source; sources include their tag and </s>."""
        longest = settings.max_length(max(map(len, sources)), self.positions)
        found = self.search(sources, settings, longest, patience=1)
        cut = [i for i, each in enumerate(found) if longest in map(len, each.hypotheses)]
        if cut and settings.beam > 1:
            # request all hypotheses of these: a beam that ended earlier and one that is cut off
            again = self.search([sources[i] for i in cut], settings, longest, patience=2)
            for i, result in zip(cut, again, strict=True):
                found[i] = result
        starts = self.start_scores(sources)
        ends = self.end_scores(sources, found)
        return [
            self.best(result, start, end, settings)
            for result, start, end in zip(found, starts, ends, strict=True)
        ]

    def search(
        self,
        sources: Sequence[Sequence[str]],
        settings: DecodingSettings,
        longest: int,
        patience: int,
    ) -> list[Any]:
        """Return CTranslate2's results for each source, with their tags and </s>."""
        return self.model.translate_batch(
            sources,
            [self.tag] * len(sources) if self.tag else None,
            beam_size=settings.beam,
            patience=patience,
            num_hypotheses=settings.beam * patience,
            length_penalty=settings.length_penalty,
            return_scores=True,
            return_end_token=True,
            max_input_length=0,
            max_decoding_length=longest,
            min_decoding_length=0 if self.tag else 1,  # as in fairseq: empty only after a tag
        )

    def start_scores(self, sources: Sequence[Sequence[str]]) -> list[float]:
        """Return the term that CTranslate2 omits: log-probability of the tag, or of no </s>."""
        found = self.model.score_batch(sources, [self.tag] * len(sources), max_input_length=0)
        firsts = [each.log_probs[0] for each in found]
        return firsts if self.tag else [math.log1p(-math.exp(first)) for first in firsts]

    def end_scores(
        self, sources: Sequence[Sequence[str]], found: Sequence[Any]
    ) -> list[dict[int, float]]:
        """Return the log-probability of </s> after each hypothesis cut off, by its number."""
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
        self, result: Any, start: float, ends: dict[int, float], settings: DecodingSettings
    ) -> Hypothesis:
        """Return the best hypothesis by fairseq's score, without its tag."""
        scored, penalty = [], settings.length_penalty
        for number in kept_by_fairseq(result, {*ends}, settings.beam):
            words, score = result.hypotheses[number], result.scores[number]
            total = score * len(words) ** penalty + start + ends.get(number, 0.0)
            length = len(words) + (number in ends)
            scored.append((PAD not in words, total / length**penalty, -number))
        _, score, number = max(scored)
        words = result.hypotheses[-number][len(self.tag) :]
        return Hypothesis(words=words, score=score)


def kept_by_fairseq(result: Any, cut: set[int], beam: int) -> list[int]:
    """Return the numbers of the hypotheses that fairseq ranks: as many as the beam at most.

    fairseq stops once that many have ended, in the order of their steps and then of their scores,
    and cuts off the others of the beam at the limit. With patience CTranslate2 goes on.
    """
    numbers = range(len(result.hypotheses))
    ended = [number for number in numbers if number not in cut]
    ended.sort(key=lambda number: (len(result.hypotheses[number]), -result.scores[number]))
    return ended[:beam] if len(ended) >= beam else ended + sorted(cut)[:beam]
