"""Make again the weights that results in git lack: `python -m snnmi.study.weights plan mnist`.

Runs are made once more beside their records (`.again/`, which git ignores); what has weights is left alone.
"""

import argparse

from snnmi.study.experiment import Experiment
from snnmi.study.profiles import PROFILES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("datasets", nargs="*", help="default: the profile's own")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    experiment = Experiment(args.profile, datasets=args.datasets or None, results=args.results)
    for attack in experiment.attacks():
        experiment.box(attack)  # the target's
        experiment.with_weights(attack)


if __name__ == "__main__":
    main()
