"""What is run: a grid of data sets, targets and seeds, each step of its chain (`steps`) asked of the store first.
Chapters talk to it.
"""

import copy
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from snnmi import checks, data
from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.noises import CHOSEN
from snnmi.attack.pair import try_pieces
from snnmi.files import given_file, place
from snnmi.measure import scores
from snnmi.models import coding, training
from snnmi.models.targets import MODELS, TARGETS, Query
from snnmi.store import Run, Store
from snnmi.study import extensions, keys, profiles, settings, steps, workers
from snnmi.study.controls import BASELINES, KINDS, NAMED, OTHER, Variant
from snnmi.study.given import called, listed, once, processor
from snnmi.study.runs import AttackRun, Cell, Finished, TargetRun
from snnmi.study.settings import Changes, Settings

Given = object  # whatever a command line hands on: looked at before any work


class Experiment:
    """A profile's runs, some settings changed; None keeps the profile's own.

    `targets` may name controls too ("snn, raw current"); `variants` are such in place of the two targets as they are.
    Every target is attacked once for each of `attack_seeds`; None: once, by its own seed. `changes` go before a
    variant's own, and are said in the name of the scale; a `budget`, what a page changes to be done in time, is not.
    `code` is a Python file of the user's that registers what its settings name. `results` holds one folder a profile.
    With `compute=False` only what is stored and complete is returned. Two or more `workers` are processes of one thread
    each that share what is missing: for small networks faster than one process with as many threads.
    """

    def __init__(
        self,
        profile: Given = "quick",
        *,
        datasets: Given = None,
        targets: Given = None,
        seeds: Given = None,
        variants: Sequence[Variant] | None = None,
        attack_seeds: Given = None,
        changes: Changes | None = None,
        budget: Changes | None = None,
        code: str | Path | None = None,
        device: Given = "cpu",
        results: str | Path = "results",
        compute: Given = True,
        workers: Given = None,
    ):
        self.code = extensions.load(code)
        self.profile = profiles.get(profile)
        self.device, self.results = processor(device), place(results)
        datasets = listed("datasets", datasets, self.profile.datasets, str)
        kinds = listed("targets", targets, KINDS, str)
        paths = {name: str(given_file(name)) for name in datasets if name.lower().endswith(".npz")}
        known = [*data.LOADERS, *paths]
        datasets = called("datasets", datasets, known, f"{sorted(data.LOADERS)} or paths of .npz files")
        self.datasets = tuple(paths.get(name, name) for name in datasets)
        plain = [*MODELS, *TARGETS]
        self.kinds = called("targets", kinds, [*plain, *NAMED], f"some of {plain}")
        self.seeds = listed("seeds", seeds, self.profile.seeds, int)
        self.attack_seeds = None if attack_seeds is None else listed("attack_seeds", attack_seeds, (), int)
        self.workers = checks.whole("workers", 1 if workers is None else checks.number(workers), 1)
        if not isinstance(compute, bool):
            raise ValueError(f"compute is {compute!r}, expected true or false")
        self.compute, self.store = compute, Store(self.results / profile)
        own = [NAMED.get(kind) or Variant(kind) for kind in self.kinds]
        self.variants = tuple(own if variants is None else variants)
        self.changes, self.budget = settings.merged(changes or {}), settings.merged(budget or {})
        self._loaded: dict[str, data.Dataset] = {}
        self._tried: set[str] = set()
        self._settings: dict[tuple[str, Variant], Settings] = {}
        for dataset in self.datasets:  # a setting that cannot work is refused before any work
            for variant in self.variants:
                self.settings(dataset, variant)
        once("datasets", [self.name(dataset) for dataset in self.datasets])  # looks at what is the user's own

    @property
    def scale(self) -> str:
        """What progress calls these runs: the profile, and what was changed."""
        return ", ".join(filter(None, [self.profile.name, settings.said(self.changes)]))

    def settings(self, dataset: str, variant: Variant) -> Settings:
        """The profile's, then this experiment's changes, then the variant's."""
        if (dataset, variant) not in self._settings:  # asked for at every step of every run
            config = self.profile.settings(dataset, variant.kind)
            for changes in (self.budget, self.changes, variant.changes):
                config = config.changed(changes)
            self._settings[dataset, variant] = config.resolved()
        return self._settings[dataset, variant]

    def cells(self) -> list[Cell]:
        """Every attack of the grid, seeds outermost."""
        return [
            Cell(dataset, variant, seed, attack_seed)
            for seed in self.seeds
            for dataset in self.datasets
            for variant in self.variants
            for attack_seed in self.attack_seeds or (seed,)
        ]

    def trainings(self) -> list[Cell]:
        """A cell for every target of the grid."""
        return [*{(cell.dataset, cell.variant.name, cell.seed): cell for cell in self.cells()}.values()]

    def dataset(self, name: str) -> data.Dataset:
        """The data set at its image size here, loaded once; a read-only experiment downloads nothing."""
        if name not in self._loaded:
            shrink = self.settings(name, self.variants[0]).data.shrink
            self._loaded[name] = data.load(name, shrink=shrink, download=self.compute)
        return self._loaded[name]

    def name(self, dataset: str) -> str:
        """What results call a data set: its name, and for a user's own a digest of what it holds; where that is not on
        this machine and nothing is computed, what the results say.
        """
        if data.is_own(dataset):
            return dataset
        try:
            return self.dataset(dataset).name
        except FileNotFoundError:
            kept = sorted(self.store.folder.glob(f"originals-{dataset}-????????-*"))
            if self.compute or not kept:
                raise
            return kept[0].name.removeprefix("originals-").rpartition("-")[0]

    # --- what it gives

    def targets(self) -> list[TargetRun]:
        """The trained targets, loaded or trained."""
        return self._all("target", self.trainings(), "targets")

    def attacks(self) -> list[AttackRun]:
        """The attacks with their scores, loaded or computed (their targets first)."""
        if self.workers > 1:
            self.targets()  # first, or two workers would train the same one
        return self._all("scores", self.cells(), "attacks")

    def boundaries(self) -> list[Finished]:
        """The boundary measurements (`boundaries.measure`), loaded or computed, of each run's target and the surrogate
        of its first class.
        """
        return self._all("boundary", self.cells(), "boundaries")

    def found(self, step: str, cell: Cell, *, compute: bool = True) -> Finished | None:
        """One "target", "attack", attack with its "scores" or "boundary", loaded or computed; None if it is not there
        and nothing may be computed.
        """
        run = self._get(step, cell, compute=compute)
        if run and step == "scores":
            attack = self.found("attack", cell, compute=compute)
            return attack and replace(attack, scored=run)
        offers = {"target": TargetRun, "attack": AttackRun}.get(step, Finished)
        config = self.settings(cell.dataset, cell.variant)
        return run and offers(self.profile.name, self.name(cell.dataset), cell, config, run)

    def model(self, cell: Cell) -> Callable:
        """The trained target, its weights kept or made again: a callable from images to confidences."""
        if cell.variant.kind in TARGETS:
            copied = copy.deepcopy(self.dataset(cell.dataset))  # whatever is done to it, ours stays
            return TARGETS[cell.variant.kind](copied, seed=cell.seed)
        target = self.found("target", cell)
        self.store.weights(target.run, self._make("target", cell))
        return target.model.to(self.device)

    def asked(self, cell: Cell) -> Callable:
        """The trained target as its settings ask it."""
        query, kind = self.settings(cell.dataset, cell.variant).query, cell.variant.kind
        model = self.model(cell)
        if query == Query():
            return model
        if kind not in MODELS:
            raise ValueError(f"changes: query does not apply to the target {kind!r}, which is your own")
        if query.match_entropy:
            other = self.model(cell._replace(variant=BASELINES[OTHER[kind]]))
            x = self.dataset(cell.dataset).x_test
            ours, theirs = (training.answers(m, x, seed=cell.seed) for m in (model.asked(query), other))
            query = replace(query, temperature=coding.matched_temperature(ours, coding.mean_entropy(theirs)))
        return model.asked(query)

    def box(self, attack: AttackRun) -> BlackBox:
        """The target of an attack of this grid, as the attack asked it, in a box that draws anew at every call."""
        asked = self.asked(attack.cell)
        return BlackBox(asked, seed=secrets.randbits(32), device=self.device, role="examiner's answers")

    def with_weights(self, attack: AttackRun) -> AttackRun:
        """The same attack, its weights kept or made again."""
        self.store.weights(attack.run, self._make("attack", attack.cell))
        return attack

    # --- a step, by its name: what names its run, and what computes it

    def key(self, step: str, cell: Cell) -> dict | None:
        """What names the run of a step; None where that depends on runs that are not there."""
        if (config := self.trained(cell)) is None:
            return None
        if step == "target":
            return keys.target_key(config, self.name(cell.dataset), cell.seed)
        attack = keys.attack_key(config, self.name(cell.dataset), cell.seed, cell.attack_seed)
        if step == "scores":
            key = keys.scores_key(config, attack)
            if not (self.compute or self.store.run("scores", key).complete()):
                key.pop("code", None)  # scores made before a metric of one's own are read, and lack it
            return key
        return keys.boundary_key(config, attack) if step == "boundary" else attack

    def _compute(self, step: str, cell: Cell, run: Run) -> None:
        """Hand a step what it needs: the steps before it, loaded or computed first."""
        self.try_out(cell.dataset)
        images = self.dataset(cell.dataset)
        work = steps.Work(cell, self.trained(cell), images, self.device)
        if step == "target":
            return steps.train(run, work, self.model(cell) if cell.variant.kind in TARGETS else None)
        target = self.asked(cell)
        if step == "attack":
            return steps.attack(run, work, target)
        attack = self.with_weights(self.found("attack", cell))
        if step == "boundary":
            return steps.explore(run, work, target, attack.pair)
        key = keys.originals_key(work.config, images.name)
        keep = partial(steps.keep_originals, images=images)
        self.store.get(f"originals-{images.name}", key, keep, shared=True)
        steps.score(run, work, target, attack)

    def trained(self, cell: Cell) -> Settings | None:
        """The settings with the epoch found at which accuracies match; None where that depends on missing runs."""
        config, kind = self.settings(cell.dataset, cell.variant), cell.variant.kind
        if not config.training.match_accuracy:
            return config
        own, other = (self.found("target", cell._replace(variant=BASELINES[k])) for k in (kind, OTHER[kind]))
        if not (own and other):
            return None
        distance = (own.history["test_accuracy"] - other.history["test_accuracy"].iloc[-1]).abs()
        epochs = int(own.history["epoch"][distance.idxmin()])
        return replace(config, training=replace(config.training, epochs=epochs, match_accuracy=False))

    # --- asked of the store first

    def _get(self, step: str, cell: Cell, *, compute: bool = True) -> Run | None:
        """The finished run: loaded, or computed where that is allowed."""
        if (key := self.key(step, cell)) is None:
            return None
        name = f"{step}-{self.name(cell.dataset)}-{cell.variant.kind}-s{cell.seed}"
        if step != "target" and cell.attack_seed != cell.seed:
            name += f"-a{cell.attack_seed}"
        name = settings.file_name(name, keys.concerning(self.changes, key))
        make = self._make(step, cell) if compute else None
        return self.store.get(name, key, make, shared=step == "target")

    def _make(self, step: str, cell: Cell) -> Callable[[Run], None] | None:
        """What computes a run of this step, if anything may be computed."""
        return partial(self._compute, step, cell) if self.compute else None

    def _all(self, step: str, cells: Sequence[Cell], what: str) -> list[Finished]:
        if self.compute:
            if self.workers > 1:
                self._share(step, cells, what)
            # Only on a terminal: a notebook does not know how to go up a line, to the bar of each run.
            cells = tqdm(cells, desc=f"{self.scale}: {what}", unit="run", disable=None)
        return [found for cell in cells if (found := self.found(step, cell))]

    def _share(self, step: str, cells: Sequence[Cell], what: str) -> None:
        """Let the workers fill the store with what is missing of a step; each run once, though cells may share it."""
        config = {cell: self.settings(cell.dataset, cell.variant) for cell in cells}
        for depends in (False, True):  # what depends on other runs comes after them
            now = [cell for cell in cells if config[cell].training.match_accuracy == depends]
            now = [cell for cell in now if not self._get(step, cell, compute=False)]
            now.sort(key=lambda cell: -config[cell].neuron.num_steps)  # the longest must not come last
            missing = {json.dumps(self.key(step, cell)): cell for cell in now}
            jobs = [(self._get, step, cell) for cell in missing.values()]
            workers.share(f"{self.scale}: {what}", jobs, self.workers)

    def try_out(self, name: str) -> None:
        """Ask the pieces that runs on a data set are made of, before any of them is computed, once and on two images.

        Raises ValueError, naming the piece, where one of a user's own cannot be used.
        """
        if name in self._tried:
            return
        images = self.dataset(name)
        pixels, classes = images.image_shape[0] * images.image_shape[1], images.num_classes
        for own in {self.settings(name, variant): None for variant in self.variants}:
            asked = own.query.num_steps or own.neuron.num_steps
            for encoder, count in ((own.neuron.encoder, own.neuron.num_steps), (own.query.encoder, asked)):
                if encoder and own.kind in MODELS:
                    coding.num_fed(encoder, pixels, count, self.device)
            for decoder in filter(None, (own.neuron.decoder, own.query.decoder)):
                coding.try_decoder(decoder, own.neuron.num_steps, classes, self.device)
            try_pieces(own.attack, images.image_shape, classes, self.device)
            if own.attack.noise == CHOSEN:
                gamin.left_by_pilot(own.attack, len(range(classes)[: own.attack.classes]))
        scores.try_metrics(images, self.settings(name, self.variants[0]).evaluation)
        self._tried.add(name)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_loaded": {}}  # a worker loads data for itself

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        extensions.load(self.code)
