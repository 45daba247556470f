"""`reports/error_analysis.md`: where one model errs, as a page. All that it says follows from the numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fer.emotions import EMOTIONS
from fer.evaluation import error_analysis, metrics, significance
from fer.evaluation.error_analysis import SURE
from fer.evaluation.markdown import NONE, number, percent, table, title, wrap
from fer.evaluation.predictions import Predictions

PICTURE, FACES = "errors.png", "confident_errors.png"
_PAIRS = 6  # of confused emotions that are listed
_SURE = round(100 * SURE)


@dataclass(frozen=True)
class Answered:
    """The answers of the model `name` to one split: as recorded, measured, and as a table of `error_analysis`."""

    name: str
    answers: Predictions
    metrics: Mapping[str, Any]
    table: pd.DataFrame

    @property
    def lowest(self) -> str:
        """The emotion with the lowest recall."""
        return min(self.metrics["recall"], key=self.metrics["recall"].__getitem__)


def page(val: Answered, test: Answered, others: Mapping[str, Answered], faces: pd.DataFrame, dataset: str) -> str:
    """The whole report as Markdown.

    Args:
        val: of the model.
        test: of the same.
        others: of the other models, on val.
        faces: the table of the data set.
        dataset: `data.dataset`.
    """
    errors, score = int(val.table["wrong"].sum()), test.metrics
    sure = (val.table["wrong"] & (val.table["confidence"] >= SURE)).sum()
    suggested = [f"{percent(share)} points: {text}" for share, text in suggestions(val, others)]
    sections = [
        f"# Errors of the {val.name}",
        f"""Data: {title(dataset)}. Of the {len(val.table):,} faces of val **{val.name}** misreads {errors:,}, and is
        right for {percent(val.metrics["accuracy"])} %. All but the last section is about val, by which one may choose.
        `evaluate.errors_of` names the model; by default it is the best on val.""",
        "## What the errors suggest",
        """Points of accuracy that lie in errors of a kind, the most first. One error can be of several kinds.""",
        "\n".join(wrap(f"- {text}", indent="  ") for text in suggested),
        "## All models",
        _models(val, others),
        "## Emotions",
        _emotions(val.table),
        f"![Calibration, and the most frequent confusions](../plots/error_analysis/{PICTURE})",
        _confusions(val.table),
        "## Harder and easier faces",
        _kinds(val.table),
        f"""{sure:,} of the {errors:,} errors have a confidence of {_SURE} % or more. `plots/error_analysis/{FACES}`
        shows the most confident ones; it holds faces, so it is in DVC's cache and not in git.""",
        "## How far the probabilities can be trusted",
        _calibration(val.answers),
        f"""ECE is the expected calibration error (Guo et al. 2017; {metrics.BINS} bins). The temperature was fitted on
        val in one view, and the exported file applies it.""",
        "## How much may be the labels' fault",
        *_labels(val.table, faces[faces["split"] != "test"], "outside test"),
        "## On test",
        f"""For the record: nothing may be chosen by it. {val.name} is right for {percent(score["accuracy"])} %
        ({percent(score["accuracy_low"])} to {percent(score["accuracy_high"])}) of {len(test.table):,} faces.""",
        _emotions(test.table),
        _kinds(test.table),
        _calibration(test.answers),
        *_labels(test.table, faces, "in all splits"),
    ]
    return "\n\n".join(text if text[:1] in "#|!-" else wrap(text) for text in sections if text) + "\n"


def suggestions(val: Answered, others: Mapping[str, Answered]) -> list[tuple[float, str]]:
    """What lies in the errors on val, as a share of all faces and a sentence; the largest share first."""
    table = val.table
    wrong = table["wrong"]

    def kinds() -> Iterator[tuple[pd.Series, str]]:
        pair = error_analysis.confusions(table).iloc[0]
        both, second = pair["pair"].split(", "), percent(pair["second"])
        cause = "the model sees both" if pair["second"] > 0.5 else "the model mostly does not see it"
        text = f"**{pair['pair']}** are confused most. In {second} % the label came second: {cause}."
        yield table["label"].isin(both) & table["answer"].isin(both), text

        own, named = table["label"] == val.lowest, (table["answer"] == val.lowest).sum()
        rare = "too rarely: `optim.class_weights` may help" if named < 0.9 * own.sum() else "often enough"
        recall = percent(val.metrics["recall"][val.lowest])
        yield own, f"**{val.lowest}** has the lowest recall, {recall} %. It is named {rare} ({named} for {own.sum()})."

        if others:
            won = pd.DataFrame({name: ~other.table["wrong"] & wrong for name, other in others.items()})
            best = won.sum().idxmax()
            points = percent(float(won[best].mean()))
            yield won.any(axis=1), f"**another model is right**, {best} for {points} points: averaging draws on these."

        yield table["on_copy"], "**a copy of the face has the label that the model names**: the labels disagree."

        sure = table["confidence"] >= SURE
        right = percent(float((~wrong[sure]).mean()))
        yield sure, f"**a confidence of {_SURE} % or more**; of all such answers {right} % are right."

        gain = percent(float((~wrong[table["found"]]).mean() - (~wrong).mean()))
        yield ~table["found"], f"**no landmarks found**. Read as well as the others, they would bring {gain} points."

        model, label = (float((wrong & (table["plurality"] == table[own])).mean()) for own in ("answer", "label"))
        other = "So other labels (`data.dataset: ferplus`) would change more than a better model could."
        text = f"""**FER+'s annotators say what the model says**; for {percent(label)} points they say what the label
            says. {other if model > label else "So a better model could win more than other labels would change."}"""
        yield table["plurality"] == table["answer"], text

    found = [(float((kind & wrong).mean()), text) for kind, text in kinds()] if wrong.any() else []
    return sorted((one for one in found if one[0]), key=lambda one: -one[0])


def _models(val: Answered, others: Mapping[str, Answered]) -> str:
    wrong, rows = val.table["wrong"], []
    for model in sorted([val, *others.values()], key=lambda model: -model.metrics["accuracy"]):
        found, temperature = model.metrics, model.answers.metadata.get("temperature")
        rescued = percent(float((~model.table["wrong"])[wrong].mean())) if wrong.any() and model is not val else NONE
        rows.append([
            model.name, percent(found["accuracy"]), percent(found["balanced_accuracy"]),
            f"{model.lowest} {percent(found['recall'][model.lowest])}", f"{found['log_loss']:.3f}",
            percent(found["ece"]), f"{temperature:.2f}" if temperature else NONE, rescued,
        ])  # fmt: skip
    last = f"right in errors of {val.name}"
    return table(["model", "val", "balanced", "lowest recall", "log loss", "ECE", "temperature", last], rows)


def _emotions(answers: pd.DataFrame) -> str:
    rows = []
    for emotion in EMOTIONS:
        own, named = answers["label"] == emotion, answers["answer"] == emotion
        if own.any():
            mistaken = answers.loc[own & ~named, "answer"].value_counts()
            most = f"{mistaken.index[0]} ({percent(mistaken.iloc[0] / own.sum())})" if len(mistaken) else NONE
            precision = percent(float(own[named].mean())) if named.any() else NONE
            rows.append([emotion, *_right(answers[own]), precision, number(named.sum()), most])
    return table(["label", "faces", "recall (95 % interval)", "precision", "answers", "most taken for"], rows)


def _confusions(answers: pd.DataFrame) -> str:
    found = error_analysis.confusions(answers)
    rows = [
        [pair["pair"], number(pair["errors"]), percent(pair["errors"] / found["errors"].sum()),
         number(pair["as_second"]), number(pair["as_first"]), percent(pair["second"])]
        for pair in found.head(_PAIRS).to_dict("records")
    ]  # fmt: skip
    return table(["confused", "errors", "% of errors", "first as second", "second as first", "% label second"], rows)


def _kinds(answers: pd.DataFrame) -> str:
    kinds = {
        "landmarks found": answers["found"],
        "no landmarks found": ~answers["found"],
        "a copy is in train": answers["copy_in_train"],
        "no copy is in train": ~answers["copy_in_train"],
        "a copy has another label": answers["copy_disagrees"],
        f"confidence of {_SURE} % or more": answers["confidence"] >= SURE,
    }
    return table(
        ["faces", "how many", "right, % (95 % interval)"],
        [[name, *_right(answers[chosen])] for name, chosen in kinds.items() if chosen.any()],
    )


def _right(answers: pd.DataFrame) -> list[str]:
    """How many faces, and how many in a hundred are answered rightly."""
    right = float((~answers["wrong"]).mean())
    size = significance.effective_size(answers["copies"].to_numpy())
    low, high = significance.accuracy_interval(right, size)
    return [number(len(answers)), f"{percent(right)} ({percent(low)} to {percent(high)})"]


def _calibration(answers: Predictions) -> str:
    rows = []
    for way, probabilities in error_analysis.calibrations(answers).items():
        found = metrics.measure(probabilities, answers.labels)
        confidence = percent(float(probabilities.max(axis=1).mean()))
        rows.append([way, percent(found["accuracy"]), confidence, f"{found['log_loss']:.3f}", percent(found["ece"])])
    return table(["probabilities", "right, %", "mean confidence, %", "log loss", "ECE, %"], rows)


def _labels(answers: pd.DataFrame, faces: pd.DataFrame, where: str) -> Iterator[str]:
    """What the labels of copies say, and FER+ where somebody has it."""
    rows = []
    for groups, name in (("identical", "equal to the pixel"), ("copies", "all copies")):
        count, conflicting, same = error_analysis.agreement(faces, groups)
        if count:
            rows.append(
                [name, number(count), number(conflicting), percent(same), f"{percent(same)} to {percent(same**0.5)}"]
            )
    if rows:
        yield table([f"faces {where}", "groups", "with several labels", "pairs that agree, %", "ceiling, %"], rows)
        yield """If labels are drawn by chances that a face has, a model that knew these chances would be right as often
            as the *ceiling* says. Copies that were labelled together agree too often, so the truth may be lower."""
    voted, wrong, clear = answers[answers["voted"]], answers[answers["wrong"]], answers[answers["clear"]]
    if not len(voted) or not len(wrong) or not len(clear):
        yield "FER+'s votes were not at hand; docs/pipeline.md says how they are found. They would say more."
        return

    def share(rows: pd.DataFrame, column: str) -> str:
        return percent(float((rows["plurality"] == rows[column]).mean()))

    tied = percent(float((voted["plurality"] == "").mean()))
    yield f"""**FER+** (Barsoum et al. 2016): ten people each on {len(voted):,} of these faces. The label has the most
        votes for {share(voted, "label")} %; for {tied} % two classes have as many. For {len(clear):,} faces one of the
        seven emotions has more than half of the votes: the label names it for {share(clear, "label")} %,
        **the model for {share(clear, "answer")} %**. In the model's {len(wrong):,} errors the most votes are for its
        answer in {share(wrong, "answer")} %, for the label in {share(wrong, "label")} %."""
