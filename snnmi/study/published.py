"""The numbers that the paper published."""

QUERIES = 1_280_000  # per class
CLASSES = {"mnist": 10, "faces": 40}
TEST_IMAGES = {"mnist": 10_000, "faces": 80}  # what Table I's accuracies are shares of

# Paper, Table I: test accuracy.
TABLE_1 = {
    ("mnist", "ann"): 0.9771,
    ("mnist", "snn"): 0.9767,
    ("faces", "ann"): 0.95,
    ("faces", "snn"): 0.9125,
}

# Paper, Table II; shares in 0..1.
_COLUMNS = (
    "M_global",
    "M_global_std",
    "fidelity",
    "surrogate_accuracy",
    "surrogate_accuracy_std",
    "A_comb",
    "A_target",
)
TABLE_2 = {
    row: dict(zip(_COLUMNS, values, strict=True))
    for row, values in {
        ("mnist", "ann"): (1.0371, 0.12, 0.8929, 0.6813, 0.069, 1.0, 1.0),
        ("mnist", "snn"): (1.4904, 0.58, 0.9541, 0.1988, 0.047, 0.7, 0.7),
        ("faces", "ann"): (3.4326, 0.33, 0.9868, 0.2932, 0.066, 0.925, 0.975),
        ("faces", "snn"): (3.9378, 0.65, 0.9948, 0.0618, 0.045, 0.375, 0.492),
    }.items()
}
