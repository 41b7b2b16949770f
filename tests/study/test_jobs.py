"""What `make grid` is asked for: read as it is meant, or refused before any job begins."""

import numpy as np
import pytest

from snnmi.study.jobs import asked

FOUR = ["ann", "ann-clipped-input", "snn-raw-current", "snn"]


def of(text="", **settings):
    return asked({"profile": "smoke", "config": text} | settings)


def test_without_more_the_profile_and_its_four_cells():
    found = of()
    assert (found.profile, found.datasets, found.seeds) == ("smoke", {"digits": "digits"}, (0,))
    assert sorted(found.targets) == sorted(FOUR)
    assert found.needs == {"gpu": 0, "mem_mb": 4000, "runtime": 240}
    assert asked({}).profile == "quick"


@pytest.mark.parametrize("no", ["false", "NO", "off", "0", '"false"', " false "])
def test_no_controls_are_no_controls_however_it_is_said(no):
    assert sorted(of(f"controls={no}").targets) == sorted(FOUR)


@pytest.mark.parametrize("yes", ["true", "yes", "on", "1", "True"])
def test_controls_are_all_controls(yes):
    assert len(of(f"controls={yes}").targets) > 30 and len(of(controls=yes).targets) > 30


@pytest.mark.parametrize(
    "text",
    [
        "seeds=[0,1]", "seeds=[0, 1]", "seeds=0,1", "seeds=0, 1", "seeds = [ 0 , 1 ]", "seeds='[0, 1]'",
        "seeds=[0,\n1]", "minutes=240 seeds=0, 1 controls=no",
    ],
)  # fmt: skip
def test_seeds_are_read_wherever_blanks_stand(text):
    assert of(text).seeds == (0, 1)


def test_snakemakes_own_lists_are_read_too():
    assert of(seeds=["0", "1"], datasets=["digits"]).seeds == (0, 1)  # of --config seeds=[0,1]
    assert of(seeds=3).seeds == (3,)


def test_a_data_set_of_ones_own_is_named_as_its_results_are(tmp_path):
    folder = tmp_path / "my data, 1"
    folder.mkdir()
    x = np.random.default_rng(0).random((4, 8, 8))
    np.savez(folder / "mine.npz", x_train=x, y_train=[0, 1, 0, 1], x_test=x, y_test=[0, 1, 0, 1])
    for text in (
        f'datasets=["{folder}/mine.npz", "digits"] seeds=0',
        f'datasets=["{folder}/mine.npz","digits"]',
    ):
        (name, path), digits = of(text).datasets.items()
        assert path == f"{folder}/mine.npz" and digits == ("digits", "digits")
        assert name.startswith("mine-") and "/" not in name


@pytest.mark.parametrize("quote", "\"'")
def test_what_stands_in_quotes_is_one_value(tmp_path, quote):
    x = np.random.default_rng(0).random((4, 8, 8))
    np.savez(path := tmp_path / "my x=1.npz", x_train=x, y_train=[0, 1] * 2, x_test=x, y_test=[0, 1] * 2)
    found = of(f"datasets={quote}{path}{quote}  seeds = {quote}0, 2{quote} ")
    assert [*found.datasets.values()] == [str(path)] and found.seeds == (0, 2)


@pytest.mark.parametrize(
    "text, said",
    [
        ("seed=[0,1,2]", "seed is no parameter of the grid, expected some of .*: did you mean seeds"),
        ("control=true", "control is no parameter of the grid, .*: did you mean controls"),
        ("controls=maybe", "controls is 'maybe', expected true or false"),
        ("controls", "CONFIG is 'controls', expected entries such as"),
        ("--dry-run seeds=0", "CONFIG is .*, expected entries such as"),
        ("seeds=0 seeds=1", "CONFIG is .*, expected each setting once"),
        ("seeds=[0,two]", "seeds is .*, expected a list of different whole numbers"),
        ("seeds=0 1", "seeds is '0 1', expected a list of different whole numbers"),
        ("seeds=-1..3", "seeds is .*, expected a list of different whole numbers"),
        ("datasets=mnits", r"datasets holds \['mnits'\], expected"),
        ("datasets=data/none.npz", "none.npz does not exist"),
        ("mem_mb=lots", "mem_mb is 'lots', expected a whole number, at least 1"),
        ("minutes=0", "minutes is 0, expected a whole number, at least 1"),
        ("device=tpu", "device is 'tpu', expected 'cpu' or 'cuda'"),
        ("profile=lapto", "profile is 'lapto', expected one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_sentence(text, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said) as error:
        of(text)
    assert "\n" not in str(error.value)


def test_a_gpu_is_asked_for_where_there_is_none_to_submit_from():
    assert of(device="cuda").needs["gpu"] == 1 and of("device=gpu minutes=1e1").needs["runtime"] == 10
