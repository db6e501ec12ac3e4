"""Choose the best checkpoint by BLEU or chrF++ of the validation text."""

from pathlib import Path
from statistics import fmean

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from torch import Tensor

from neuron_specialization.fairseq_plugin import task
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.fairseq_plugin.validation_scores import batch_statistics, mean_score
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles
from tests.trained_models import draw_masks, run_training, translate

GREEDY = DecodingSettings(beam=1, length_penalty=1, max_len_a=2, max_len_b=10, max_tokens=400)


@pytest.mark.parametrize(("name", "metric"), [("bleu", BLEU()), ("chrf", CHRF(word_order=2))])
def test_the_score_is_computed_on_greedy_translations(
    learned: Path,
    corpora: Path,
    binarised: Path,
    vocabulary: Path,
    tmp_path: Path,
    name: str,
    metric: BLEU | CHRF,
) -> None:
    """It equals sacreBLEU's on the text: the mean of all directions, each through its neurons."""
    files = DirectionFiles(masks=draw_masks(tmp_path / "masks.npz"))
    sizes = {"checkpoint_metric": name, "max_updates": 20, "validate_every": 20}
    published = run_training(binarised, tmp_path, parent=learned, files=files, **sizes)
    texts = translate(published, binarised, vocabulary, tmp_path, files=files, settings=GREEDY)
    scores = []
    for direction, text in texts.items():
        target = direction.split("-")[1]
        other = direction.replace("en", "").strip("-")
        reference = corpora / f"valid.en-{other}.{target}"
        references = reference.read_text(encoding="utf-8").splitlines()
        scores.append(metric.corpus_score(text.splitlines(), [references]).score)
    assert min(scores) < max(scores)
    assert read_checkpoint(published)["extra_state"]["best"] == pytest.approx(fmean(scores))


@pytest.mark.parametrize("falls", [True, False])
def test_the_highest_score_is_the_best_even_if_the_run_was_killed(
    binarised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, falls: bool
) -> None:
    given = iter([30.0, 20.0, 10.0] if falls else [10.0, 20.0, 30.0])
    original = DirectionsTask.optimizer_step

    def score(metric: str, statistics_LS: Tensor) -> float:
        return scores[0]

    def step(self: DirectionsTask, optimizer: object, model: object, update_num: int) -> None:
        if update_num in (0, 4, 8):
            scores[:] = [next(given)]
        if update_num == 6 and not killed:
            killed.append(update_num)
            raise KeyboardInterrupt
        original(self, optimizer, model, update_num)

    scores: list[float] = []
    killed: list[int] = []
    monkeypatch.setattr(task, "mean_score", score)
    monkeypatch.setattr(DirectionsTask, "optimizer_step", step)
    sizes = {"checkpoint_metric": "chrf", "max_updates": 12, "validate_every": 4}
    with pytest.raises(KeyboardInterrupt):
        run_training(binarised, tmp_path, **sizes)
    given = iter([20.0, 10.0] if falls else [20.0, 30.0])
    state = read_checkpoint(run_training(binarised, tmp_path, **sizes))
    assert state["optimizer_history"][-1]["num_updates"] == (4 if falls else 12)
    assert state["extra_state"]["best"] == 30


def test_validation_text_is_split_by_the_tokeniser_of_its_direction() -> None:
    texts = ["他们今天去公园。"], ["他们今天去了公园。"]
    statistics = batch_statistics("bleu", *texts, direction=0, num_directions=2, tokeniser="zh")
    expected = BLEU(tokenize="zh").corpus_score(texts[0], [texts[1]]).score
    assert mean_score("bleu", statistics) == pytest.approx(expected)
    assert expected > 30


def test_training_gets_the_tokenisers(learned: Path, binarised: Path, tmp_path: Path) -> None:
    scores = []
    for tokenisers in ({}, {"en-b1": "char"}):
        seen = run_training(
            binarised,
            tmp_path / str(len(scores)),
            parent=learned,
            tokenisers=tokenisers,
            checkpoint_metric="bleu",
            max_updates=2,
            validate_every=2,
        )
        scores.append(read_checkpoint(seen)["extra_state"]["best"])
    assert scores[0] != scores[1]
