"""What is run and kept, and the rules that turn numbers into words. Where to look:

defaults                the dataclasses that `settings.Settings` holds, then profiles; changes to them: controls for
                        those with names, chapter for a page's parameters
attacks                 attacks: the registry, of GAMIN and a user's own alike
what is run             experiment: a grid, each step asked of the store first; steps: what each one does; plan: grids
                        fixed beforehand; workers: processes
what is written when    steps: a table of it; judgements; half-finished runs: `snnmi/checkpoint.py`
what a run offers       runs; what names it: keys
which rows speak        table (`of`, `fair`, `speaking`); judged: the same of pictures; verdicts: from numbers to words
a cluster's job         jobs reads `make grid PARAMS=...`; the Snakefile's `given` writes a chapter's from that
what is handed on       asked: PARAMS, of `make book` and `make grid`; given: lists, names and devices
the paper, in words     published: its numbers; names: what pages call a run
one's own               extensions: a Python file; audit: a network
command lines           plan, cost, offline, weights
"""
