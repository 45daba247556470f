"""Write what a student learns from beside the labels: its teacher's answers."""

import click

from fer import check, commands, config


@commands.stage("soft_labels")
@click.argument("student", type=click.Choice(config.students()))
def main(student: str) -> None:
    """Write the probabilities that the teacher of STUDENT gives to every face of train.

    The teacher is the model or the ensemble that the setting `distill.teacher` of the student names. Each face is
    seen as it is and mirrored.

    \b
    Reads   models/TEACHER/ (of an ensemble models/onnx/TEACHER.json and its members' folders), data/splits.csv and
            the stored inputs
    Writes  data/soft_labels/STUDENT.parquet
    """  # noqa: D301  click needs the backspace itself
    params = check.params()
    from fer.evaluation import teacher
    from fer.training import soft_labels

    name = params.model(student).distill.teacher
    answers = teacher.on_train(name, params)
    soft_labels.write(student, name, answers.rows, answers.probabilities)
    right = (answers.probabilities.argmax(axis=1) == answers.labels).mean()
    click.echo(f"{student}: {len(answers.rows):,} answers of {name}, which agrees with {right:.1%} of the labels")


if __name__ == "__main__":
    main()
