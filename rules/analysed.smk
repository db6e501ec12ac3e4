"""What tables of costs and figures read and show: functions of the settings."""

from neuron_specialization.related_systems import find_controls

# the table whose differences to continued baselines are drawn, if it has any
GAINS = [
    table
    for table, systems in TABLES.items()
    if LAYOUTS[table]["layout"] == "levels"
    and any(
        role == "control"
        for name in systems
        for role, _, _ in comparisons_of(name, SYSTEMS[name].seeds[0])
    )
][:1]
NEURONS = "<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}"


def neuron_labels(item, k="{k}", counting="{counting}"):
    """What the report says of an item about neurons."""
    known = {"item": item, "system": "{system}", "seed": "{seed}"}
    return known | {"k": k, "counting": counting}


def neuron_figure(name, title, caption):
    """The files of a figure of neurons; the picture is shown in the report."""
    shown = report(
        f"{NEURONS}/{name}.png",
        caption=f"../report/{caption}.rst",
        category="Neurons",
        labels=neuron_labels(title),
    )
    return [shown, f"{NEURONS}/{name}.pdf", f"{NEURONS}/{name}.csv"]


def analysed_trainings():
    """The trainings whose neurons are looked at, with k and counting."""
    found = trainings(systems=ANALYSED)
    k, counting = config["analysis"]["k"], config["analysis"]["counting"]
    number = len(found["seed"])
    return found | {"k": [f"{k:g}"] * number, "counting": [counting] * number}


def local_distances():
    """The file of distances of languages, if one is given."""
    distances = config["analysis"]["distances"]
    return [str(PROJECT / distances)] if distances not in ("", "builtin") else []


def sweep_trainings():
    """The trainings of the sweep of k, then the continued baseline's: lists of what each has."""
    runs = [
        {"system": row.system, "k": k, "parent": row.parent, "seed": seed}
        for k, row in (*SWEEP.items(), *((None, row) for row in sweep_controls()))
        for seed in row.seeds
    ]
    for run in runs:
        run["parent_seed"] = parent_seed(SYSTEMS[run["parent"]], run["seed"])
    keys = ["system", "k", "seed", "parent", "parent_seed"]
    return {key: [run[key] for run in runs] for key in keys}


def sweep_controls():
    """The continued baseline that the sweep of k is held against, if there is one."""
    return [
        row for own in [*SWEEP.values()][:1] for row in find_controls(own, SYSTEMS)
    ][:1]


def sweep_labels():
    """The labels of the parent and of the continued baseline of the sweep of k."""
    parents = {row.parent: SYSTEMS[row.parent].label for row in SWEEP.values()}
    return {
        "parent": next(iter(parents.values()), ""),
        "control": next((row.label for row in sweep_controls()), ""),
    }


def efficiency_inputs():
    """What tells the cost of each system: records of jobs, logs and files, by kind and system."""
    return {
        f"{kind}_{name}": files
        for name in MEASURED
        for kind, files in efficiency_files(SYSTEMS[name]).items()
    }


def efficiency_files(row):
    """The same of one system: of its first seed, and of the first test split."""
    seed = row.seeds[0]
    known = {"system": row.system, "seed": seed, "split": config["test_splits"][0]}
    given = row.checkpoint or not row.trained
    job, every = "train_system/{system}.seed{seed}", collect
    if row.method == "bilingual":
        job = "train_bilingual/{system}.seed{seed}.{scatteritem}"
        every = gather.bilingual_models
    masks = {
        "adapter": "<dataset>/models/{system}/seed{seed}/checkpoint.pt",
        "lass": "<dataset>/weight_masks/{system}/seed{seed}/{scatteritem}.npz",
        "neuron_specialization": "<dataset>/masks/{system}/seed{seed}.npz",
    }
    stored = gather.fine_tunes if row.method == "lass" else collect
    return {
        "finding": finding_records(row, seed),
        "stored": stored(masks.get(row.method, []), **known),
        "training": [] if given else every(f"<benchmarks>/{job}.jsonl", **known),
        "logs": [] if given else every(f"<logs>/{job}.log", **known),
        "decoding": collect(
            "<benchmarks>/translate_split/{split}.{system}.seed{seed}.jsonl", **known
        ),
        "translated": collect(
            "<dataset>/translations/{split}/{system}/seed{seed}", **known
        ),
    }


def finding_records(row, seed):
    """The records of the jobs that find the sub-networks of a system."""
    known = {"system": row.system, "seed": seed}
    if row.method == "lass":
        record = (
            "<benchmarks>/fine_tune_directions/{system}.seed{seed}.{scatteritem}.jsonl"
        )
        return gather.fine_tunes(record, **known)
    if row.method != "neuron_specialization":
        return []
    parent = {
        "system": row.parent,
        "seed": parent_seed(SYSTEMS[row.parent], seed),
    }
    record = "<benchmarks>/record_activations/{system}.seed{seed}.jsonl"
    select = "<benchmarks>/select_neurons/{system}.seed{seed}.jsonl"
    # a random draw needs no activations
    return collect(record if row.k is not None else [], **parent) + collect(
        select, **known
    )
