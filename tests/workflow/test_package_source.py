"""Package files that a module depends on."""

from neuron_specialization.workflow.package_source import PACKAGE, module_files


def names(*modules: str) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in module_files(*modules)}


def test_a_module_depends_on_its_transitive_imports() -> None:
    assert names("neurons.selection") == {
        "neurons/selection.py",
        "neurons/storage.py",
        "neurons/widths.py",
        "settings/pivot.py",
        "errors.py",
        "files.py",
    }


def test_training_depends_on_the_sub_network_but_not_on_decoding_or_tables() -> None:
    found = names("fairseq_plugin.training")
    assert {"neurons/subnetwork.py", "corpora/sampling.py", "fairseq_plugin/flags.py"} <= found
    assert not found & {
        "fairseq_plugin/decoding.py",
        "tables/score_tables.py",
        "neurons/recorder.py",
    }


def test_packages_and_several_modules() -> None:
    assert "fairseq_plugin/task.py" in names("fairseq_plugin")
    assert names("errors", "files") == {"errors.py", "files.py"}


def test_a_module_depends_on_templates_that_it_reads() -> None:
    forms = {f"tables/templates/{name}.j2" for name in ("table.md", "table.tex", "table.html")}
    assert forms < names("tables.setup_tables")
    assert "figures/explorer.html" in names("figures.explorer")
