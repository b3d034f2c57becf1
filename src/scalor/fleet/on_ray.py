"""`on_ray`: the videos as a Ray Data set of paths, over actors that hold the model."""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

import ray
import ray.data

from scalor.errors import UserError
from scalor.fleet.plan import Job
from scalor.fleet.work import Errand, Row, Worker

STORE_BYTES = 100_000_000
"""Of the store that the processes share: paths go in and a few numbers come out."""


class Actor:
    """A worker as Ray Data calls it."""

    def __init__(self, errand: Errand) -> None:
        self.worker = Worker(errand)

    def __call__(self, row: dict[str, Any]) -> Row:
        return self.worker(Job(row["video"], row["name"]))


def on_ray(jobs: Sequence[Job], errand: Errand, workers: int) -> Iterator[Row]:
    """What became of each video, as they finish. A process that dies is replaced, and its video is begun again."""
    count = min(workers, len(jobs))
    begun = not ray.is_initialized()
    if begun:
        _start(count)
    try:
        gpus = ray.cluster_resources().get("GPU", 0.0) if errand.device.startswith("cuda") else 0.0
        # Blocks of one row: a worker gets its next video when it is done with the last one, and can lose only one.
        rows = ray.data.from_items(
            [{"video": job.video, "name": job.name} for job in jobs], override_num_blocks=len(jobs)
        )
        found = rows.map(
            Actor,
            fn_constructor_args=(errand,),
            compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1),
            num_cpus=1,
            num_gpus=min(1.0, gpus / count) or None,
        )
        yield from found.iter_rows()
    finally:
        if begun:
            ray.shutdown()


def _start(workers: int) -> None:
    """Join the cluster at RAY_ADDRESS, or start one on this machine that listens to nobody else and reports nothing."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # dead workers are seen to, and need no log
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # One more than there are workers: Ray Data itself wants one now and then.
    own = {"address": "local", "num_cpus": workers + 1, "object_store_memory": STORE_BYTES}
    where: dict[str, Any] = {} if "RAY_ADDRESS" in os.environ else own
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **where)
    except ConnectionError as error:
        raise UserError(
            f"no Ray cluster answers at RAY_ADDRESS={os.environ.get('RAY_ADDRESS', '')}; one that runs is wanted; "
            "correct the address, or unset it to work on this machine"
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
