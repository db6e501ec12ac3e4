"""A COMET model small enough for tests to build: random weights, a tiny XLM-R and tokeniser."""

import hashlib
import http.server
import io
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sentencepiece
import torch
import yaml

from neuron_specialization.evaluation.comet_scores import CometSettings, Segments

SENTENCES = [
    "The cat sat on the mat.",
    "A small house stands by the old river.",
    "Die Katze saß auf der Matte.",
    "Ein kleines Haus steht am alten Fluss.",
    "De kat zat op de mat.",
]
# XLM-R has more than 100,000 pieces; given that number, transformers queries the hub.
PIECES = 100_100
WIDTH = 8
POSITIONS = 130
COMMIT = "0" * 40
# Of very different lengths, because comet sorts by length.
TEXTS = {
    "en-de": Segments(
        sources=[" ".join(SENTENCES[:2]), "The cat.", SENTENCES[1], "A", SENTENCES[0]],
        hypotheses=[" ".join(SENTENCES[2:4]), "Katze", SENTENCES[3], "Ein", "Die Katze saß."],
        references=["Die Katze saß.", "Die Katze.", SENTENCES[3], "Eine", SENTENCES[2]],
    ),
    "en-nl": Segments(
        sources=["The mat.", SENTENCES[0], "On the mat by the river."],
        hypotheses=["De mat.", "De kat op de mat.", "Op de mat."],
        references=["De mat.", SENTENCES[4], "Op de mat aan de rivier."],
    ),
}


def build_encoder(folder: Path) -> Path:
    """Make an XLM-R of two layers, in the files that transformers loads."""
    # Here and below, comet and its dependencies are imported late: they take seconds.
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

    folder.mkdir(parents=True)
    vocabulary = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=vocabulary, vocab_size=50, minloglevel=2
    )
    path = folder / "sentencepiece.bpe.model"
    path.write_bytes(vocabulary.getvalue())
    XLMRobertaTokenizerFast(vocab_file=str(path)).save_pretrained(folder)
    _add_unused_pieces(folder / "tokenizer.json")
    config = XLMRobertaConfig(
        vocab_size=PIECES,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
    )
    torch.manual_seed(0)
    XLMRobertaModel(config).save_pretrained(folder)
    return folder


def build_model(folder: Path, encoder: Path) -> Path:
    """Make a COMET model that names its encoder by path: checkpoint and `hparams.yaml`."""
    from comet.models import RegressionMetric

    torch.manual_seed(1)
    model = RegressionMetric(pretrained_model=str(encoder), hidden_sizes=[16, 8])
    with torch.no_grad():  # otherwise all sentences score about the same
        for parameter in model.estimator.parameters():
            parameter.mul_(3)
    state = model.state_dict()
    # Released checkpoints have this tensor, which transformers has dropped.
    state["encoder.model.embeddings.position_ids"] = torch.arange(POSITIONS)
    hparams = dict(model.hparams)
    save_model(folder, {"state_dict": state, "hyper_parameters": hparams}, hparams)
    return folder


def save_model(folder: Path, checkpoint: dict[str, object], hparams: dict[str, object]) -> Path:
    """Write a checkpoint and its settings like the Lightning of the oldest models in use."""
    path = folder / "checkpoints" / "model.ckpt"
    path.parent.mkdir(parents=True)
    training = {"epoch": 4, "global_step": 100, "pytorch-lightning_version": "1.3.5"}
    torch.save({**training, **checkpoint}, path)
    (folder / "hparams.yaml").write_text(yaml.safe_dump(hparams), encoding="utf-8")
    return path


@contextmanager
def serve_hub(models: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Run a hub with these models; yield its address and the list of requested paths."""
    asked: list[str] = []

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(path)
            answer = _answer(models, path)
            self.send_response(404 if answer is None else 200)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", hashlib.sha256(answer or b"").hexdigest())
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer or b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def _answer(models: dict[str, Path], path: str) -> bytes | None:
    for name, folder in models.items():
        files = {str(file.relative_to(folder)): file for file in folder.rglob("*.*")}
        if path in (f"/api/models/{name}", f"/api/models/{name}/revision/main"):
            siblings = [{"rfilename": file} for file in files]
            return json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode()
        file = files.get(path.removeprefix(f"/{name}/resolve/{COMMIT}/"))
        if file is not None:
            return file.read_bytes()
    return None


def _add_unused_pieces(path: Path) -> None:
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    pieces = tokenizer["model"]["vocab"]
    pieces.extend([f"<unused{i}>", -100.0] for i in range(PIECES - len(pieces)))
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def settings(model, **changes) -> CometSettings:
    default = {"model": str(model), "batch_size": 2, "offline": True, "device": "cpu"}
    return CometSettings(**{**default, **changes})


def put_in_cache(cache: Path, name: str, folder: Path) -> Path:
    """Put a model into the cache as the hub's client would."""
    home = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


def with_hparams(folder: Path, model: Path, **changes) -> Path:
    """Copy a model and change its settings in both places that store them."""
    checkpoint = torch.load(model / "checkpoints" / "model.ckpt")
    hparams = {**yaml.safe_load((model / "hparams.yaml").read_text()), **changes}
    save_model(folder, {**checkpoint, "hyper_parameters": hparams}, hparams)
    return folder


def approximately(scores):
    return {pair: pytest.approx(values, abs=1e-3) for pair, values in scores.items()}
