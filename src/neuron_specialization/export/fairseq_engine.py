"""Decode exported models with fairseq.

Axes: B sentences, T tokens.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from fairseq.data.data_utils import collate_tokens
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.tasks.translation import TranslationTask

from neuron_specialization.errors import InputError
from neuron_specialization.export.hypotheses import Hypothesis
from neuron_specialization.export.manifest import CHECKPOINT, ExportManifest
from neuron_specialization.fairseq_plugin.checkpoint_settings import read_model
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.decoding import generation_config
from neuron_specialization.fairseq_plugin.models import fill_model
from neuron_specialization.settings.decoding import DecodingSettings


class FairseqEngine:
    """fairseq's task and beam search."""

    def __init__(
        self, folder: Path, manifest: ExportManifest, device: str, threads: int | None
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise InputError("fairseq finds no GPU; use --device cpu")
        if threads:
            torch.set_num_threads(threads)
        path = folder / CHECKPOINT
        state = read_checkpoint(path)
        source, target = manifest.direction.split("-")
        flags = ["--source-lang", source, "--target-lang", target]
        arguments = read_model(path, state, "translation", flags)
        arguments.data = str(folder)
        config = convert_namespace_to_omegaconf(arguments)
        self.task = TranslationTask.setup_task(config.task)
        model = fill_model(path, self.task.build_model(config.model), state["model"])
        self.models = [model.to(device)]
        self.device, self.target_tag = device, manifest.target_tag

    def translate(
        self, sources: Sequence[Sequence[str]], settings: DecodingSettings
    ) -> list[Hypothesis]:
        """Return the best hypothesis of each source; sources include their tag and </s>."""
        dictionary = self.task.source_dictionary
        rows = [torch.tensor([dictionary.index(word) for word in words]) for words in sources]
        source_BT = collate_tokens(rows, dictionary.pad(), left_pad=True).to(self.device)
        lengths_B = torch.tensor([len(row) for row in rows], device=self.device)
        sample = {"net_input": {"src_tokens": source_BT, "src_lengths": lengths_B}}
        generator = self.task.build_generator(self.models, generation_config(settings))
        found = self.task.inference_step(
            generator, self.models, sample, prefix_tokens=self.prefix(len(rows))
        )
        return [self.hypothesis(beams[0]) for beams in found]

    def prefix(self, sentences: int) -> torch.Tensor | None:
        """Return the target tag of each sentence, [B, 1]; None for a model without tags."""
        if self.target_tag is None:
            return None
        index = self.task.target_dictionary.index(self.target_tag)
        return torch.full((sentences, 1), index, device=self.device)

    def hypothesis(self, found: dict[str, torch.Tensor]) -> Hypothesis:
        """Return fairseq's hypothesis without the tag."""
        tokens = found["tokens"].tolist()[0 if self.target_tag is None else 1 :]
        words = [self.task.target_dictionary[token] for token in tokens]
        return Hypothesis(words=words, score=float(found["score"]))
