"""Train and translate with plain fairseq, as others run it, in a process without this project.

    python plain_fairseq.py OUTPUTS DIRECTIONS SAVE_DIR [arguments of fairseq-train]
    python plain_fairseq.py OUTPUTS translate SPLIT DIRECTION=CHECKPOINT...

OUTPUTS receives the best checkpoint's outputs for the validation sentences of each direction, from
fairseq's own task; `sentence_outputs` measures the imported model too. The second form trains
nothing; OUTPUTS receives the outputs for a split by `DIRECTION=CHECKPOINT`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq_cli.train import cli_main

torch.set_num_threads(1)
BEAM = GenerationConfig(beam=2, max_len_a=0, max_len_b=8)


@torch.inference_mode()
def sentence_outputs(model: Any, task: Any, sample: dict[str, Any]) -> dict[str, Any]:
    """Return a model's outputs for a batch of one sentence, which has no neighbours."""
    model.eval()
    inputs, target_BT = sample["net_input"], sample["target"]
    log_probs_BTV = model.get_normalized_probs(model(**inputs), log_probs=True)
    best = task.inference_step(task.build_generator([model], BEAM), [model], sample)[0][0]
    return {
        "source": words(task.source_dictionary, inputs["src_tokens"]),
        "target": words(task.target_dictionary, target_BT),
        "features": model(**inputs, features_only=True)[0].tolist(),
        "log_probs": log_probs_BTV.gather(2, target_BT.unsqueeze(2)).flatten().tolist(),
        "hypothesis": words(task.target_dictionary, best["tokens"]),
    }


def words(dictionary: Any, tokens: torch.Tensor) -> list[str]:
    return [dictionary[int(token)] for token in tokens.flatten()]


def direction_outputs(
    checkpoint: Path, direction: str, split: str = "valid"
) -> list[dict[str, Any]]:
    """Return plain fairseq's outputs for the sentences of a direction, in order."""
    source, target = direction.split("-")
    overrides = {"source_lang": source, "target_lang": target}
    (model,), _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(checkpoint)], arg_overrides=overrides
    )
    task.load_dataset(split)
    dataset = task.dataset(split)
    samples = [dataset.collater([dataset[i]]) for i in range(len(dataset))]
    return [sentence_outputs(model, task, sample) for sample in samples]


def main(outputs: Path, directions: list[str], save_dir: Path, flags: list[str]) -> None:
    sys.argv = ["fairseq-train", *flags, "--save-dir", str(save_dir)]
    cli_main()
    best = save_dir / "checkpoint_best.pt"
    found = {direction: direction_outputs(best, direction) for direction in directions}
    outputs.write_text(json.dumps(found), encoding="utf-8")


def translate(outputs: Path, split: str, jobs: list[str]) -> None:
    pairs = [job.split("=", 1) for job in jobs]
    found = {
        job: direction_outputs(Path(checkpoint), direction, split)
        for job, (direction, checkpoint) in zip(jobs, pairs, strict=True)
    }
    outputs.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[2] == "translate":
        translate(Path(sys.argv[1]), sys.argv[3], sys.argv[4:])
    else:
        main(Path(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3]), sys.argv[4:])
