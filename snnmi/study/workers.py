"""Who does the work here: processes of one thread each, kept for the next step. A cluster's jobs: `jobs`."""

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context

import torch
from tqdm import tqdm

from snnmi import checks
from snnmi.study import extensions


def share(label: str, jobs: Sequence[tuple], workers: int) -> None:
    """Have so many processes do jobs, each a function and what it is given, of which none needs another.

    Not where something was registered in this process alone, an audited network as a target: it stays at home.
    """
    if workers < 2 or len(jobs) < 2 or extensions.only_here():
        return
    at_work = [_workers(workers).submit(_work, *job) for job in jobs]
    label = f"{label}, {workers} workers"
    try:
        for job in tqdm(as_completed(at_work), total=len(at_work), desc=label, unit="run"):
            job.result()
    except BaseException:
        _workers(workers).shutdown(wait=False, cancel_futures=True)
        _workers.cache_clear()  # the next call's are new
        raise


@cache
def _workers(number: int) -> ProcessPoolExecutor:
    """Processes of one thread each, kept for the next step: each needs seconds to start."""
    return ProcessPoolExecutor(number, get_context("spawn"), initializer=_one_thread)


def _one_thread() -> None:
    checks.warn_only()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _work(job: Callable, *given: object) -> None:
    """A worker's job. An interrupt ends whoever is at work, in silence, and does not reach who idles: Jupyter sends it
    to all processes of a kernel, also to end it.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))  # what is saved is whole (`files.atomic_write`)
    try:
        job(*given)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
