"""The plan for `rules/download.smk`: corpora and models from the internet."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.workflow.dataset import Dataset, Wildcards
from neuron_specialization.workflow.paths import FETCHED


@dataclass(frozen=True)
class DownloadsPlan:
    """Downloads of a dataset."""

    dataset: Dataset

    @property
    def folder(self) -> str:
        """Folder of the downloads."""
        return self.dataset.path(self.dataset.config["downloads"]["folder"])

    def path(self, corpus: str) -> Path:
        """Return the folder of a fetched corpus."""
        return Path(self.folder) / corpus

    @property
    def mirror(self) -> str:
        """First place to fetch from; no parameter of a rule, as nothing is fetched twice."""
        mirror = str(self.dataset.config["downloads"]["mirror"])
        return str(self.dataset.root / mirror) if mirror and "://" not in mirror else mirror

    def fetched(self, *corpora: str) -> list[str]:
        """Return the marker files of some fetched corpora from the table of sources."""
        for name in filter(None, corpora):
            if name not in self.dataset.sources:
                raise InputError(
                    f"no corpus {name} in {self.dataset.config['downloads']['sources']}; "
                    f"it has {', '.join(self.dataset.sources)}"
                )
        return [FETCHED.format(corpus=name) for name in filter(None, corpora)]

    @cached_property
    def of_splits(self) -> list[str]:
        """The corpora that splits are read from; "" for local ones."""
        splits = self.dataset.config["corpora"]["splits"]
        parts = [part for split in splits for part in (split, *split["exceptions"].values())]
        return sorted({part.get("source", "") for part in parts})

    @cached_property
    def all(self) -> list[str]:
        """All corpora that the dataset uses from the table of sources."""
        config = self.dataset.config
        sections = config["vocabulary"], config["corpora"].get("binarised", {})
        others = {section.get("source", "") for section in sections}
        others |= {row.source for row in self.dataset.systems.values()}
        return self.fetched(
            *sorted({*self.of_splits, *others, *config["downloads"]["extra_corpora"]})
        )

    @cached_property
    def comet(self) -> list[str]:
        """The marker file of a COMET model in the cache of the model hub, if it is from there."""
        comet, model = self.dataset.config["comet"], self._comet_path
        is_asked = "comet" in self.dataset.config["metrics"] and comet["model"]
        is_local = model.is_absolute() or (self.dataset.project / model).exists()
        if not is_asked or comet["offline"] or is_local:
            return []
        return [f"{self.folder}/comet/{'--'.join(model.parts)}.txt"]

    @property
    def fetched_comet(self) -> list[str]:
        """The marker file if the COMET model has been fetched."""
        return [path for path in self.comet if Path(path).exists()]

    def comet_to_fetch(self, wildcards: Wildcards) -> list[str]:
        """Return the marker file; raise InputError for a missing local model, unlike scoring."""
        model = self._comet_path
        is_asked = "comet" in self.dataset.config["metrics"]
        is_fetched = is_asked and not self.dataset.config["comet"]["offline"]
        if is_fetched and model.is_absolute() and not model.exists():
            raise InputError(
                f"comet.model is {model}, but no such file or folder exists: put the model there, "
                "or give a name on the model hub, such as Unbabel/wmt22-comet-da"
            )
        return self.comet

    @cached_property
    def local_comet(self) -> list[str]:
        """The COMET model if it is an existing file or folder; COMET runs once it exists."""
        path = self.dataset.project / self._comet_path
        return [str(path)] if self.dataset.config["comet"]["model"] and path.exists() else []

    @property
    def _comet_path(self) -> Path:
        return Path(self.dataset.config["comet"]["model"]).expanduser()
