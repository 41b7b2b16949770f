"""What chapter 7 says of its cells and controls, on numbers whose sentence is known."""

import pandas as pd

from snnmi.study.sentences import controls as say
from tests.helpers import NAN


def test_measures_stand_scale_by_scale_in_the_order_in_which_scales_come():
    rows = [
        (name, scale, 0.25) for name in ("latency", "burst") for scale in ("MNIST, plan", "Digits, quick")
    ]
    found = pd.DataFrame(rows, columns=["name", "scale", "value"]).assign(
        low=NAN, high=NAN, networks=1, measure="own"
    )
    table = say.measured(found, "code", {"own": "target's accuracy"})
    assert table.code.tolist() == ["latency", "burst", "latency", "burst"]
    assert table.scale.tolist() == ["MNIST, plan"] * 2 + ["Digits, quick"] * 2
    assert set(table["target's accuracy"]) == {"0.25"}
    assert say.measured(found[:0], "code", {}).scale.tolist() == ["none"]
