"""What `make grid` is asked for: read as it is meant, or refused before any job begins."""

import numpy as np
import pytest

from snnmi.study.jobs import asked

FOUR = ["ann", "ann-clipped-input", "snn-raw-current", "snn"]


def of(text="", **settings):
    """As `make grid` and Snakemake hand it on."""
    return asked({"profile": "smoke", "params": f"{text} -y {{}}".strip("'\"")} | settings)


def test_without_more_the_profile_and_its_four_cells():
    for found in (of(), of(params=None), of("-p controls False")):  # Snakemake's None, of an empty one
        assert (found.profile, found.datasets, found.seeds) == ("smoke", {"digits": "digits"}, (0,))
        assert sorted(found.targets) == sorted(FOUR)
        assert found.needs == {"gpu": 0, "mem_mb": 4000, "runtime": 240}
    assert asked({}).profile == "quick"


def test_more_is_said_as_to_make_book():
    found = of('-p controls True -p seeds "[0, 1]" -p minutes 1e1', device="gpu")  # none to submit from
    assert found.seeds == (0, 1) == of("-p seeds 0,1").seeds and len(found.targets) > 30
    assert found.needs == {"gpu": 1, "mem_mb": 4000, "runtime": 10}


def test_a_data_set_of_ones_own_is_named_as_its_results_are(tmp_path):
    x = np.random.default_rng(0).random((4, 8, 8))
    np.savez(path := tmp_path / "my x=1, 2.npz", x_train=x, y_train=[0, 1] * 2, x_test=x, y_test=[0, 1] * 2)
    (name, named), digits = of(f"""-p datasets '["{path}", "digits"]'""").datasets.items()
    assert named == str(path) and digits == ("digits", "digits")
    assert name.startswith("my-x") and "/" not in name


@pytest.mark.parametrize(
    "text, said",
    [
        ("-p seed 0,1", "seed is no parameter of the grid, expected some of .*: did you mean seeds"),
        ("-p controls maybe", "controls is 'maybe', expected True or False"),
        ("-p seeds '0", "PARAMS: No closing quotation, expected such as -p"),
        ("-p datasets data/none.npz", "none.npz does not exist"),
        ("-p mem_mb lots", "mem_mb is 'lots', expected a whole number, at least 1"),
        ("-p device tpu", "device is 'tpu', expected 'cpu' or 'cuda'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(text, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said) as error:
        of(text)
    assert "\n" not in str(error.value)
