"""Shards on the workers of a Ray cluster, or of a small one on this machine alone.

Ray starts the workers and replaces those that die. The pictures don't pass through it: a worker reads those of its
shard and writes their answers itself, so that whatever is interrupted or done twice, the file of a shard is there once
and whole, or not at all.
"""

import logging
import os
import secrets
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

from fer import stopping
from fer.bulk.shards import Shard
from fer.bulk.worker import Answer, Worker, unfinished
from fer.errors import FerError
from fer.inference.text import one_line

_TRIES_AGAIN = 2  # of a shard whose worker died
_TIMEOUT = 10.0  # seconds in which a cluster's machine must answer
_PATIENCE = 1.0  # seconds between looks at what a signal may have asked for
_STORE = 100_000_000  # bytes of shared memory: only lists of names pass through it

# Ray reads these when it is imported. Nothing is reported to its makers, and nothing listens on another address than
# this machine's own; the last two hold for a cluster of this machine alone.
_ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0"}
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_agent_register_timeout_ms": "120000"}


def load(address: str | None) -> None:
    """Import Ray.

    Args:
        address: as `started`.

    Raises:
        ModuleNotFoundError: Ray is not installed.
    """
    os.environ.update(_ALWAYS if address else _ALWAYS | _ALONE)
    import ray  # noqa: F401


@contextmanager
def started(address: str | None, workers: int | None) -> Iterator[int]:
    """Connect to a cluster, or start one on this machine for the time of the block.

    Args:
        address: of a Ray cluster, `auto` for the one that this machine belongs to, None for one of this machine alone.
        workers: how many are asked for; None for one a core.

    Yields:
        The number of workers.

    Raises:
        FerError: there is no such cluster, or Ray does not start.
        ModuleNotFoundError: Ray is not installed.
    """
    load(address)
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        options: dict[str, Any] = {"address": address}
        if address is not None:
            _reach(address)
        else:
            workers = workers or _cores()
            # Without a token of our own, Ray would leave one in the home.
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            # Ray's sockets lie below this folder, and their paths must be short.
            below = None if sys.platform == "win32" else "/tmp"
            folder = tempfile.TemporaryDirectory(prefix="fer-", dir=below, ignore_cleanup_errors=True)
            options = {
                "address": "local",
                "num_cpus": workers,
                "include_dashboard": False,
                "object_store_memory": _STORE,
                # Ray opens its folder to everybody; the one above stays closed to others.
                "_temp_dir": os.path.join(stack.enter_context(folder), "ray"),
            }
        stack.callback(ray.shutdown)
        # Ray prints notes about workers that die; what becomes of their shards is told by the answers.
        stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        try:
            ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)
        except Exception as error:  # Ray raises exceptions of any kind
            if address:
                raise FerError(f"No Ray cluster answers at {address} ({one_line(error)}).") from error
            raise FerError(
                f"Ray does not start on this machine ({one_line(error)}). If the machine is busy with other work, run "
                "the same command again."
            ) from error
        stopping.raise_on_signals()  # Ray has set a handler of its own
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))


def answers(shards: Sequence[Shard], workers: int, **arguments: Any) -> Iterator[Answer]:
    """Have shards answered, in any order.

    Args:
        shards: what to answer.
        workers: how many processes answer at once.
        arguments: of `Worker`.

    Raises:
        FerError: no worker can be made.
    """
    import ray
    from ray.exceptions import ActorDiedError, RayError

    kind: Any = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_TRIES_AGAIN)(Worker)
    waiting = deque(shards)
    idle = [kind.remote(**arguments) for _ in range(min(workers, len(shards)))]
    busy: dict[Any, tuple[Any, Shard]] = {}
    while waiting or busy:
        while waiting and idle:
            actor, shard = idle.pop(), waiting.popleft()
            busy[actor.answer.remote(shard)] = actor, shard
        ready, _ = ray.wait(list(busy), timeout=_PATIENCE)
        for reference in ready:
            actor, shard = busy.pop(reference)
            try:
                answer: Answer = ray.get(reference)
            except ActorDiedError as error:  # it could not even be made, as on a machine without fer
                waiting.append(shard)
                if not busy and not idle:
                    raise FerError(
                        f"No worker could be started ({one_line(error, 400)}). Install this project with its "
                        "extra `scale` on all machines."
                    ) from error
                continue
            except RayError:
                problem = "its worker died several times, perhaps because it ran out of memory"
                answer = unfinished(shard, problem)
            idle.append(actor)
            yield answer


def _reach(address: str) -> None:
    """Look whether something listens at an address such as `10.0.0.1:6379`; Ray itself tries for minutes.

    Raises:
        FerError: nothing does.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT).close()
        except (OSError, OverflowError) as error:
            raise FerError(f"No Ray cluster answers at {address} ({one_line(error)}).") from error


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
