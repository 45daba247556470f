"""Divide the faces into train, val and test, and audit them: duplicates, leaks, conflicts, blank images."""

import click

from fer import artifacts, check, commands, paths, writing
from fer.data import audit_figures, splits
from fer.data.faces import Faces


@commands.stage("split")
def main() -> None:
    """Write data/splits.csv, metrics/data.json and plots/data/.

    The section `split` of params.yaml chooses the protocol, whether copies of val and test faces leave train
    (drop_leaks), and how alike two faces must be to count as copies (hash_distance, correlation).
    """
    params = check.params()
    faces = Faces.load(paths.FACES)
    table, audit = splits.make(faces, params.split, params.data.seed)
    with writing.transaction():
        audit_figures.draw_audit(faces, table, paths.PLOTS / "data")
        artifacts.write_json(paths.METRICS / "data.json", audit)
        artifacts.write_table(paths.SPLITS, table)
    near, unseen = audit["near_duplicates"], audit["test_unseen"]["all"]
    sizes = ", ".join(f"{name} {row['all']:,}" for name, row in audit["faces"].items())
    click.echo(f"{params.split.protocol}: {sizes}; excluded {sum(audit['excluded'].values()):,}.")
    click.echo(
        f"{near['faces']:,} faces have copies, {near['label_conflict_faces']:,} of them with another label; "
        f"{unseen:,} test faces have no copy in train or val."
    )


if __name__ == "__main__":
    main()
