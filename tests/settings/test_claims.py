"""The list of the paper's claims, and the systems that they are about."""

from pathlib import Path

import pytest
import yaml

from neuron_specialization.errors import InputError
from neuron_specialization.settings.claims import find_claimed, read_claims
from neuron_specialization.settings.systems import System
from neuron_specialization.tables.claims_of_scores import paper_value
from neuron_specialization.tables.paper_values import read_paper_values
from tests.conftest import PROJECT

CLAIMS = PROJECT / "config/claims.yaml"
SCHEMA = PROJECT / "config/schemas/claims.schema.yaml"


def test_the_papers_gains_are_the_printed_ones() -> None:
    values = read_paper_values(PROJECT / "config/paper_results.tsv")
    found = {
        (claim.claim, metric): paper_value(claim, metric, values)
        for claim in read_claims(CLAIMS, SCHEMA)
        if claim.kind == "difference"
        for metric in ("bleu", "chrf", "comet")
    }
    assert found["Gain over the baseline, all directions", "bleu"] == pytest.approx(1.3)
    assert found["Gain over the baseline, all directions", "chrf"] == pytest.approx(1.1)
    assert found["Gain over the baseline, high-resource languages", "bleu"] == pytest.approx(1.6)
    assert found["Better than random neurons", "bleu"] == pytest.approx(1.3 - -0.2)
    assert found["Better than LaSS", "bleu"] == pytest.approx(1.3 - 0.5)
    assert found["Encoder neurons alone gain over the baseline", "bleu"] == pytest.approx(1.0)
    # Table 3 has differences to bilingual models: -1.9 and -3.7
    interference = next(key for key in found if key[0].endswith("English to high-resource"))
    assert found[interference[0], "bleu"] == pytest.approx(-1.9 - -3.7)
    unknown = ("Gain over the continued baseline, all directions", "bleu")
    assert found[unknown] != found[unknown]  # nan: the paper has no such control


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "guess"}, r"claims\.yaml: claim 1: 'guess' is not one of"),
        ({"against": None}, r"claim 1: None is not one of"),
        ({"cell": "-"}, r"claim 1 \(better\): a claim of the kind difference needs .* cell"),
        ({"refuted_needs": ["luck"]}, r"claim 1: 'luck' is not one of \['converged'"),
        ({"colour": "red"}, r"claim 1: Additional properties are not allowed \('colour'"),
    ],
)
def test_a_bad_claim_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    claim = {
        "claim": "better",
        "source": "Table 2",
        "kind": "difference",
        "row": "specialized",
        "against": "baseline",
        "cell": "All Avg",
        "confirmed_needs": [],
        "refuted_needs": [],
    }
    claim |= changes
    if changes.get("cell"):
        del claim["cell"]
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([claim]))
    with pytest.raises(InputError, match=message):
        read_claims(path, SCHEMA)


def test_claims_that_are_not_yaml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("- {claim: [")
    with pytest.raises(InputError, match=r"claims\.yaml: not YAML"):
        read_claims(path, SCHEMA)


def row(name: str, method: str = "neuron_specialization", **options: object) -> System:
    values = {"label": name, "directions": ("en-de",), "parent": "base", **options}
    return System(system=name, method=method, **values)


def test_roles_are_found_among_the_continuations_of_one_baseline() -> None:
    rows = [
        row("base", "multilingual", parent=""),
        row("other", "multilingual", parent=""),
        row("continued", "multilingual"),
        row("foreign", parent="other", random_percent=70),
        row("lass", "lass", pruning=0.7),
        row("family", "adapter", sharing="family", bottleneck=2),
        row("random", random_percent=70),
        row("encoder", k=95, stacks="encoder"),
        row("main", k=95),
        row("sentences", k=95, counting="sentence"),
        row("alone", k=95, fine_tune=False),
    ]
    sweep = [rows[-3], row("main_k50", k=50, tables=()), row("s_k50", k=50, counting="sentence")]
    found = find_claimed({each.system: each for each in rows}, sweep)
    assert {role: [each.system for each in of_role] for role, of_role in found.items()} == {
        "specialized": ["main"],
        "baseline": ["base"],
        "continued": ["continued"],
        "random": ["random"],
        "lass": ["lass"],
        "pair adapters": [],
        "family adapters": ["family"],
        "encoder neurons": ["encoder"],
        "decoder neurons": [],
        "sweep": ["main_k50"],
    }
    assert find_claimed({"base": rows[0]}, []) == {}
