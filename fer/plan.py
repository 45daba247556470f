"""`python -m fer.plan`: what `dvc repro` would run now, and about how long it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fer.errors import not_installed

try:
    from fer import artifacts, check, commands, config_file, paths, stage_times
    from fer.progress import duration
except ModuleNotFoundError as missing:
    raise SystemExit(f"Error: {not_installed(missing)}") from None


@dataclass(frozen=True)
class Estimate:
    """What is known of a stage's next run.

    Attributes:
        stage: as DVC calls it.
        seconds: about how long it takes, None where no run was recorded.
        remark: what to think of it, may be empty.
    """

    stage: str
    seconds: float | None
    remark: str = ""


def estimate(stage: str, outputs: list[str], before: Mapping[str, Any], now: Mapping[str, Any]) -> Estimate:
    """Estimate one stage from its last run.

    Args:
        stage: as DVC calls it.
        outputs: its outputs' paths. That of a training holds its seconds, those before an interruption included.
        before: its settings at the last run, by dotted keys; empty if DVC has recorded none.
        now: its settings now.
    """
    recorded = stage_times.read().get(stage, {})
    training = [artifacts.read_cache(path) for path in outputs if Path(path).parent == paths.TIMES]
    training = [times for times in training if "seconds" in times]
    taken = [times["seconds"] for times in (recorded, *training) if "seconds" in times]
    if not taken:
        return Estimate(stage, None)
    seconds = max(taken)  # an interrupted training's last process took less, an uninterrupted one's took more
    remarks = []
    if training and training[0].get("device") != "cpu":
        remarks.append(f"as recorded on {training[0].get('device')}")
    elif "speed" in recorded:
        seconds *= recorded["speed"] / stage_times.speed()
    else:
        remarks.append("as recorded on a machine of unknown speed")
    changed = [key for key in now if key in before and before[key] != now[key]]
    epochs = [key for key in now if key.rpartition(".")[2] == "epochs" and key in before][-1:]  # of the last phase
    for key in set(epochs) & set(changed):
        seconds *= now[key] / before[key]
        remarks.append(f"for {now[key]} instead of {before[key]} epochs")
    others = [key for key in changed if key not in epochs]
    if others:
        remarks.append(f"recorded with a different {', '.join(others)}")
    return Estimate(stage, seconds, "; ".join(remarks))


def of_stage(stage: Any) -> Estimate:
    """An estimate for one of DVC's stages."""
    before: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for dep in stage.deps:
        if hasattr(dep, "read_params"):
            recorded = dep.hash_info.value if dep.hash_info else None
            before |= config_file.flat(recorded or {})
            now |= config_file.flat(dep.read_params())
    return estimate(str(stage.addressing), [str(out.def_path) for out in stage.outs], before, now)


def estimates() -> list[Estimate]:
    """An estimate for each stage that `dvc repro` would run, in order.

    Raises:
        FerError: DVC can't tell what would run.
    """
    with check.dvc() as repo:
        return [of_stage(stage) for stage in check.running(repo)]


@click.command()
def main() -> None:
    """List the stages that `dvc repro` would run now, at most, with estimated times and their sum.

    An estimate is the time of the stage's last run, scaled by the speed of that machine and of this one.
    """
    with commands.explain_failures():
        found = estimates()
        if not found:
            click.echo("Nothing to run: all is up to date.")
            return
        width = max(len(one.stage) for one in found)
        for one in found:
            time = "not known" if one.seconds is None else duration(one.seconds)
            click.echo(f"{one.stage:<{width}}  {time:>11}  {one.remark}".rstrip())
        known = [one.seconds for one in found if one.seconds is not None]
        unknown = len(found) - len(known)
        lacking = f"  plus {unknown} stage{'s' * (unknown > 1)} without a recorded time" if unknown else ""
        click.echo(f"{'sum':<{width}}  {duration(sum(known)):>11}{lacking}")


if __name__ == "__main__":
    main()
