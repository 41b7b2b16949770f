"""What is run and kept, and the rules that turn numbers into words. Where to look:

defaults                settings (`FROZEN`, and the dataclasses whose fields it names), then profiles; changes to them:
                        controls for those with names, chapter for a page's parameters
attacks                 attacks: the registry, of GAMIN and a user's own alike
what is run             experiment: a grid, each step asked of the store first; steps: what each does; plan: the fixed ones;
                        workers: processes
what is written when    steps and judgements, at each step's `run.finish`; checkpoints on the way: `snnmi/store.py`
what a run offers       runs: targets and attacks, by the cell of their grid
which rows speak        table (`of`, `fair`, `speaking`); judged: the same of pictures; verdicts: from numbers to words
a cluster's job         jobs reads `make grid CONFIG=...`; the Snakefile's `given` writes a chapter's parameters from that
what is handed on       asked: `make book PARAMS=...`; given: lists, names and devices
the paper, in words     published: its numbers; names: what pages call a run
one's own               extensions: a Python file; audit: a network
command lines           plan, cost, offline, weights
"""
