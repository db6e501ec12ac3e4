"""What tables of costs and figures read and show: functions of the settings."""

from neuron_specialization.settings.related_systems import find_controls

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
    """What was made last of each system, whose cost is looked up: files by kind and system."""
    return {
        f"{kind}_{name}": files
        for name in MEASURED
        for kind, files in efficiency_files(SYSTEMS[name]).items()
    }


def efficiency_files(row):
    """What directions need beside the shared model, and what was translated of a system.

    Of its first seed, and of the first test split.
    """
    known = {"system": row.system, "seed": row.seeds[0]}
    masks = {
        "adapter": "<dataset>/models/{system}/seed{seed}/checkpoint.pt",
        "lass": "<dataset>/weight_masks/{system}/seed{seed}/{scatteritem}.npz",
        "neuron_specialization": "<dataset>/masks/{system}/seed{seed}.npz",
    }
    stored = gather.fine_tunes if row.method == "lass" else collect
    return {
        "stored": stored(masks.get(row.method, []), **known),
        "translated": collect(
            "<dataset>/translations/{split}/{system}/seed{seed}",
            split=config["test_splits"][0],
            **known,
        ),
    }


def efficiency_jobs(row):
    """The jobs of the same, by kind, as their logs and records are named.

    No inputs: where such a file was removed, nothing is trained again for it.
    """
    seed = row.seeds[0]
    known = {"system": row.system, "seed": seed, "split": config["test_splits"][0]}
    job, every = "train_system/{system}.seed{seed}", collect
    if row.method == "bilingual":
        job = "train_bilingual/{system}.seed{seed}.{scatteritem}"
        every = gather.bilingual_models
    return {
        "finding": finding_jobs(row, seed),
        "training": [] if row.checkpoint or not row.trained else every(job, **known),
        "decoding": collect("translate_split/{split}.{system}.seed{seed}", **known),
    }


def finding_jobs(row, seed):
    """The jobs that find the sub-networks of a system."""
    known = {"system": row.system, "seed": seed}
    if row.method == "lass":
        job = "fine_tune_directions/{system}.seed{seed}.{scatteritem}"
        return gather.fine_tunes(job, **known)
    if row.method != "neuron_specialization":
        return []
    parent = {
        "system": row.parent,
        "seed": parent_seed(SYSTEMS[row.parent], seed),
    }
    recording = collect("record_activations/{system}.seed{seed}", **parent)
    # a random draw needs no activations
    return (recording if row.k is not None else []) + collect(
        "select_neurons/{system}.seed{seed}", **known
    )
