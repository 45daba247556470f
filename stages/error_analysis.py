"""Say where one model errs, and what its errors suggest."""

import click
import numpy as np

from fer import artifacts, commands, config, paths, untracked, writing
from fer.data import sets, splits
from fer.data.faces import Faces
from fer.errors import FerError
from fer.evaluation import error_analysis, error_figures, error_page, predictions, subsets
from fer.evaluation.error_page import Answered
from fer.evaluation.predictions import Predictions
from fer.models import MODELS

REPORT = paths.REPORTS / "error_analysis.md"


@commands.stage("error_analysis")
def main() -> None:
    """Analyse the errors of the model that `evaluate.errors_of` names, from recorded probabilities alone.

    \b
    Reads   data/predictions/, data/splits.csv, data/faces/, data/landmarks/views.npy; FER+'s votes where they are
    Writes  reports/error_analysis.md                    the errors as a page
            plots/error_analysis/errors.png              calibration, and the most frequent confusions
            plots/error_analysis/confident_errors.png    the most confident errors (faces: DVC's cache)
    """  # noqa: D301  click needs the backspace itself
    params = config.load()
    faces = Faces.load(paths.FACES)
    table = splits.read(paths.SPLITS, len(faces))
    with untracked.reading("error_analysis", params):
        file = sets.FER_PLUS.votes_on(params.data)
        votes = None if file is None else sets.FER_PLUS.count(file, list(faces.table["name"]))
    found = artifacts.read_array(paths.LANDMARKS / "views.npy") > 0
    known = error_analysis.of_faces(faces, table, found, votes)
    members = splits.members(table, params.split.protocol)

    def answered(name: str, split: str) -> Answered:
        recorded = predictions.read(name)
        measured = subsets.measure(recorded, table, params.split.protocol)[split]
        part = recorded.table[np.isin(recorded.rows, members[split])]
        answers = Predictions(part, recorded.metadata)
        return Answered(name, answers, measured, error_analysis.of_answers(answers, known))

    names = [name for name in (*MODELS, *config.ensembles()) if predictions.path(name).exists()]
    on_val = {name: answered(name, "val") for name in names}
    chosen = params.evaluate.errors_of
    if chosen == config.BEST and names:
        chosen = max(names, key=lambda name: on_val[name].metrics["accuracy"])
    if chosen not in names:
        raise FerError(f"{paths.PREDICTIONS} holds no answers of the model {chosen}. Run `dvc repro`.")
    val = on_val.pop(chosen)
    page = error_page.page(val, answered(chosen, "test"), on_val, known, params.data.dataset)
    folder = paths.PLOTS / "error_analysis"
    with writing.transaction():
        artifacts.write_text(REPORT, page)
        artifacts.write_figure(folder / error_page.PICTURE, error_figures.errors(val))
        artifacts.write_figure(folder / error_page.FACES, error_figures.confident(val, faces))
    click.echo(f"{chosen}: {val.table['wrong'].sum():,} of {len(val.table):,} faces of val are misread; {REPORT}")


if __name__ == "__main__":
    main()
