"""A judge of the digits, trained once."""

import pytest

from snnmi.measure.judges import JudgeConfig, train_judge


@pytest.fixture(scope="session")
def judge(digits):
    return train_judge(JudgeConfig(), digits, seed=0).model
