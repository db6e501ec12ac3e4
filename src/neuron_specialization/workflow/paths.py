"""Where each result lies. `<dataset>` and `<downloads>` are path variables of the Snakefile."""

CORPUS = "<dataset>/corpora/{split}.{pair}.{lang}"
CORPUS_REPORT = "<dataset>/corpora/report.tsv"
VOCABULARY = "<dataset>/vocabularies/{vocabulary}"
BINARISED = "<dataset>/binarised/{vocabulary}"
CHECKPOINT = "<dataset>/models/{system}/seed{seed}/checkpoint.pt"
CURVE = "<dataset>/models/{system}/seed{seed}/checkpoint.curve.csv"
BILINGUAL_MODELS = "<dataset>/models/{system}/seed{seed}/{shard}"
COUNTS = "<dataset>/activations/{system}/seed{seed}.npz"
MASKS = "<dataset>/masks/{system}/seed{seed}.npz"
WEIGHT_MASKS = "<dataset>/weight_masks/{system}/seed{seed}/{shard}.npz"
TRANSLATIONS = "<dataset>/translations/{split}/{system}/seed{seed}"
SCORES = "<dataset>/scores/{split}/{system}/seed{seed}.csv"
SENTENCES = "<dataset>/scores/{split}/{system}/seed{seed}.parquet"
COMET = (
    "<dataset>/comet/{split}/{system}/seed{seed}.parquet",
    "<dataset>/comet/{split}/{system}/seed{seed}.csv",
)
TESTS = "<dataset>/significance/{split}/{system}/seed{seed}.csv"
PARAMETERS = "<dataset>/tables/parameters.csv"
SCORE_TABLE = "<dataset>/tables/{split}/{table}.{metric}"
NEURONS = "<dataset>/neurons/{system}/seed{seed}"
FETCHED = "<downloads>/{corpus}/fetched.tsv"
