"""Finished runs as tables, from runs made by hand."""

import numpy as np

from snnmi.attack.players import GaminConfig
from snnmi.store import Store
from snnmi.study import published
from snnmi.study.runs import AttackRun
from snnmi.study.tables import budgets_table


def test_budgets_stand_beside_the_papers(tmp_path):
    def finish(run):
        run.checkpoint.start()
        run.finish(
            metrics={"labels": [0, 1, 2], "queries_per_class": published.QUERIES // 4},
            arrays={name: np.zeros((2, 3)) for name in ("batch", "L_N", "L_G", "M_global")}
            | {"k": np.array([[0.9, 0.9, 0.9], [0.1, 0.2, 0.9]])},
        )

    run = Store(tmp_path).get("attack-mnist-ann-s7", {"seed": 7}, finish)
    (row,) = budgets_table([AttackRun("half", "mnist", "ann", "ann", 7, run, 7, GaminConfig())]).to_dict(
        "records"
    )
    assert row.pop("wall_s") >= 0
    assert row == {
        "dataset": "mnist",
        "target": "ann",
        "profile": "half",
        "seed": 7,
        "classes": 3,
        "queries_per_class": 320_000,
        "share_of_paper": 0.25,
        "last_k": 0.2,
    }
