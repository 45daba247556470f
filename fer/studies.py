"""A search's study: Optuna's record of all trials, in a journal file or a database, shared by many processes."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import psutil
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from fer.errors import FerError
from fer.search import Search

FOLDER, FIXED = "folder", "fixed"
_MACHINE, _PROCESS, _CAUSES = "machine", "process", "causes"


def begin(where: str, name: str, causes: str, epochs: int) -> optuna.Study:
    """Open a study, or begin it.

    Args:
        where: a file, or the URL of a database.
        name: of the model.
        causes: a digest of all that decides a trial's result beside the settings that are searched.
        epochs: of a whole training. In its first quarter no trial is stopped.

    Raises:
        FerError: it can't be opened, or was begun with other causes.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if "://" not in where:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
            # Absolute, since each training works in a folder of its own.
            storage: Any = JournalStorage(JournalFileBackend(str(Path(where).absolute())))
        else:
            scheme, slashes, file = where.partition(":///")
            storage = f"{scheme}{slashes}{Path(file).absolute()}" if scheme.startswith("sqlite") and file else where
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=epochs // 4),
        )
        begun = study.user_attrs.get(_CAUSES)
    except Exception as error:  # whatever a database and its driver say
        raise FerError(f"--study {where} can't be opened ({' '.join(str(error).split())[:200]}).") from error
    if begun not in (None, causes):
        raise FerError(
            f"The study {where} was begun with other settings, code or data: its trials can't be compared with new "
            "ones. Name another one with --study, or delete it."
        )
    if begun is None:
        study.set_user_attr(_CAUSES, causes)
    return study


def take_over(study: optuna.Study) -> None:
    """Put the trials of this machine whose process has gone back into the queue: they go on where they were."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        number, own = trial.user_attrs.get(_PROCESS), trial.user_attrs.get(_MACHINE) == platform.node()
        if own and number != _process(int(str(number).partition(" ")[0])):
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except ValueError:  # another process was faster
                continue
            study.enqueue_trial(trial.params, {FOLDER: trial.user_attrs[FOLDER]})


def sign(trial: optuna.Trial) -> None:
    """Note in a trial in which folder it works, and which process of which machine does it."""
    if FOLDER not in trial.user_attrs:
        trial.set_user_attr(FOLDER, str(trial.number))
    trial.set_user_attr(_PROCESS, _process(os.getpid()))
    trial.set_user_attr(_MACHINE, platform.node())


def _process(number: int) -> str:
    """A process of this machine, told apart from a later one with the same number; of one that is gone, the number."""
    try:
        return f"{number} {psutil.Process(number).create_time()}"
    except psutil.Error:
        return str(number)


def distributions(space: Mapping[str, Search]) -> dict[str, Any]:
    """A search space as Optuna takes it."""

    def one(values: Search) -> Any:
        if values.choices:
            return CategoricalDistribution(values.choices)
        whole = isinstance(values.low, int) and isinstance(values.high, int)
        kind: Any = IntDistribution if whole else FloatDistribution
        return kind(values.low, values.high, log=values.log)

    return {key: one(values) for key, values in space.items()}
