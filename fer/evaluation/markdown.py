"""`reports/comparison.md`: the comparison as a page that reads well raw and rendered."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from fer.emotions import EMOTIONS
from fer.evaluation.compare import MeasuredModel, Pair, ranking
from fer.evaluation.original import DATASET, ORIGINAL, ORIGINAL_LEAKED_FACES, ORIGINAL_TEST_FACES
from fer.evaluation.spread import Spread

LEVEL = 0.05
NONE = "–"
WIDTH = 110

# What the columns test and combined hold under each `split.protocol`.
_UNTOUCHED = "faces that no training and no choice has used"
_SELECTED = "it contains the faces on which the epoch was chosen, so it is a little too good for every model"
_MEANING = {
    "official": (_UNTOUCHED, f"val and test together, for comparison with other work only; {_SELECTED}"),
    "stratified": (_UNTOUCHED, "the two official test sets together; val is cut from the training faces here"),
    "combined": (f"the two official test sets together; {_SELECTED}", "the same faces as test"),
}


def page(
    measured: Sequence[MeasuredModel],
    pairs: Sequence[Pair],
    dataset: str,
    protocol: str,
    spreads: Mapping[str, Spread] | None = None,
    other_spreads: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The whole report as Markdown.

    Args:
        measured: the models.
        pairs: what `compare.paired` returns for them.
        dataset: `data.dataset`; the original work's accuracies are shown for FER2013 alone.
        protocol: `split.protocol`; it decides what test and combined hold.
        spreads: of some models over seeds, by name.
        other_spreads: of models whose spread was measured with other settings, the keys of these settings.
    """
    ranked = ranking(measured)
    spreads = spreads or {}
    parts = [
        "# Comparison of the models",
        _headline(ranked, dataset, protocol),
        "## Accuracy in percent",
        _accuracy_table(ranked, dataset, spreads),
        _accuracy_notes(ranked, dataset, protocol, _spread_notes(ranked, spreads, other_spreads or {})),
        "## Recall per emotion on test, in percent",
        _recall_table(ranked),
        wrap(
            """The share of an emotion's test faces that the model recognises. `balanced` is their mean, in
            which a rare emotion counts as much as a frequent one."""
        ),
    ]
    if pairs:
        parts += ["## Which of these models differ", _pair_table(pairs), _pair_notes(pairs)]
    return "\n\n".join(parts) + "\n"


def title(dataset: str) -> str:
    """What people call the data set that `data.dataset` names."""
    return {DATASET: "FER2013", "drawn": "Drawn faces"}.get(dataset, Path(dataset).name)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table with padded cells: the first `left` columns flush left, the others flush right."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(header))]
    rule = ["-" * width if at < left else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    text = []
    for line in [lines[0], rule, *lines[1:]]:
        cells = [
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text)


def wrap(text: str, indent: str = "") -> str:
    """One paragraph cut into lines of `WIDTH`, so that the page also reads well in an editor."""
    text = " ".join(text.split())
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def percent(share: float | None) -> str:
    """A share as percent with one decimal; a dash where there is none."""
    return NONE if share is None else f"{100 * share:.1f}"


def number(count: int | None) -> str:
    """A count with its thousands set apart; a dash where there is none."""
    return NONE if count is None else f"{count:,}"


def interval(model: MeasuredModel, subset: str) -> str:
    """The accuracy on a set of faces with its 95 % interval, in percent."""
    low, high = model.value(subset, "accuracy_low"), model.value(subset, "accuracy_high")
    return f"{percent(model.value(subset))} ({percent(low)} to {percent(high)})"


def _headline(ranked: Sequence[MeasuredModel], dataset: str, protocol: str) -> str:
    best = ranked[0]
    frequent = best.answers["actual"].value_counts(normalize=True)
    used = "which include val" if protocol == "combined" else "which no choice has used"
    return wrap(
        f"""Data: {title(dataset)}. Models are chosen by their accuracy on val. There **{best.name}** is the best of
        {len(ranked)}, with {percent(best.value("val"))} %. Of the {len(best.answers):,} test faces, {used}, it
        recognises **{percent(best.value("test"))} %**. Always answering {frequent.index[0]} would be right for
        {percent(float(frequent.iloc[0]))} %."""
    )


def _accuracy_table(ranked: Sequence[MeasuredModel], dataset: str, spreads: Mapping[str, Spread]) -> str:
    header = ["model", "val", "test (95 % interval)", "one view", "unseen", "combined", "parameters", "epochs"]
    rows = [
        [
            model.name,
            percent(model.value("val")),
            interval(model, "test"),
            *[percent(model.value(subset)) for subset in ("test_single_view", "test_unseen", "test_combined")],
            number(model.count("parameters")),
            number(model.count("epochs")),
        ]
        for model in ranked
    ]
    if dataset == DATASET:
        header.insert(6, "original work")
        for model, row in zip(ranked, rows, strict=True):
            row.insert(6, _original(model.name))
    for metric in ("val", "test"):
        cells = [spreads.get(model.name, Spread()).text(metric) for model in ranked]
        if any(cells):
            header.append(f"{metric} over seeds")
            for cell, row in zip(cells, rows, strict=True):
                row.append(cell or NONE)
    return table(header, rows)


def _original(name: str) -> str:
    # With the digits that the original work gives: 69.99, not 70.0.
    return f"{100 * ORIGINAL[name]:.4g}" if name in ORIGINAL else NONE


def _spread_notes(
    ranked: Sequence[MeasuredModel], spreads: Mapping[str, Spread], others: Mapping[str, Sequence[str]]
) -> list[str]:
    notes = []
    names = [model.name for model in ranked]
    if any(name in spreads for name in names):
        notes.append(
            """**over seeds**: mean and standard deviation over trainings that differ in their seed alone
            (`python -m fer.seeds`). The other columns are of one training."""
        )
    for name in names:
        if name in others:
            changed = ", ".join(f"`{key}`" for key in others[name][:4]) + ", ..." * (len(others[name]) > 4)
            notes.append(
                f"`metrics/seeds/{name}.json` is left out: its trainings had other settings than these ({changed})."
            )
    return notes


def _accuracy_notes(ranked: Sequence[MeasuredModel], dataset: str, protocol: str, more: Sequence[str]) -> str:
    test, combined = _MEANING.get(protocol, _MEANING["official"])
    notes = [
        """**val**: the faces on which each model's best epoch was chosen, and by which models are chosen, so this
        number is a little too good.""",
        f"""**test**: {test}. The answers are averaged over several views of each face (test-time augmentation,
        `evaluate.tta`). The interval (Wilson 1927) says how far other test faces could move the number. A training
        with another seed may fall outside.""",
        "**one view**: the same test faces, without test-time augmentation.",
        "**unseen**: the test faces that have no copy in train or val.",
        f"**combined**: {combined}.",
        "**epochs**: of the whole training, all phases together. Times are in `metrics/times/`.",
        """Every face counts in an accuracy. In whatever says how sure a number is (the intervals, and the p-values
        below), a group of copies of one face counts as one face, because models answer copies alike.""",
    ]
    if dataset == DATASET:
        notes.insert(
            5,
            f"""**original work**: what the project that this one starts from reports, on PublicTest and
            PrivateTest together. Compare it with *combined*. It chose its epochs on a split that was made after
            augmenting, and {ORIGINAL_LEAKED_FACES} of its {ORIGINAL_TEST_FACES:,} unique test images also lie in
            its training pool.""",
        )
    notes += more
    notes += [_ensemble_note(model) for model in ranked if model.members]
    detected = [model for model in ranked if model.value("test_detected") is not None]
    if detected:
        scores = ", ".join(f"{model.name} {percent(model.value('test_detected'))}" for model in detected)
        notes.append(
            f"""In some faces no landmarks are found. Models on landmarks answer for these too, and they count
            above. On the test faces with landmarks alone the accuracies are: {scores}."""
        )
    return "\n".join(wrap(f"- {note}", indent="  ") for note in notes)


def _ensemble_note(model: MeasuredModel) -> str:
    if model.value("equal_weights", "val") is None:
        return f"**{model.name}** is the mean of {_list(list(model.members))}."
    members = _list([f"{name} ({weight:.2f})" for name, weight in model.members.items()])
    return f"""**{model.name}** is the weighted mean of {members}. The weights were fitted to the log loss on val, so
        what it scores there is a little too good: {percent(model.value("val"))} % and log loss
        {model.value("val", "log_loss"):.3f}; with equal weights {percent(model.value("equal_weights", "val"))} % and
        {model.value("equal_weights", "log_loss"):.3f}."""


def _list(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _recall_table(ranked: Sequence[MeasuredModel]) -> str:
    counts = ranked[0].answers["actual"].value_counts()
    rows = [
        [emotion, number(int(counts.get(emotion, 0))), *[percent(model.recall(emotion)) for model in ranked]]
        for emotion in EMOTIONS
    ]
    balanced = [percent(model.value("test", "balanced_accuracy")) for model in ranked]
    rows.append(["balanced", number(int(counts.sum())), *balanced])
    return table(["emotion", "faces", *[model.name for model in ranked]], rows)


def _pair_table(pairs: Sequence[Pair]) -> str:
    rows = []
    for pair in sorted(pairs, key=lambda pair: -abs(pair.difference)):
        # The better one first, so that every difference reads as a gain.
        swap = pair.difference < 0
        better, other = (pair.first, pair.second) if swap else (pair.second, pair.first)
        low, high = (-pair.high, -pair.low) if swap else (pair.low, pair.high)
        only = (pair.first_only, pair.second_only) if swap else (pair.second_only, pair.first_only)
        gain = f"{100 * abs(pair.difference):.1f} ({100 * low:.1f} to {100 * high:.1f})"
        verdict = "yes" if pair.p_holm < LEVEL else "no"
        rows.append([better, other, gain, *[number(count) for count in only], _p(pair.p_holm), verdict])
    header = [
        "better",
        "other",
        "points (95 % interval)",
        "only better right",
        "only other right",
        "p",
        "significant",
    ]
    return table(header, rows, left=2)


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _pair_notes(pairs: Sequence[Pair]) -> str:
    count = "one pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    return wrap(
        f"""Both models of a pair answered for the same test faces, so what counts is the faces on which exactly one
        of them is right. `points` is the difference of the two accuracies, with a bootstrap interval that draws
        groups of copies as a whole. `p` is McNemar's exact test (1947), two-sided, in which a group of copies is one
        piece of evidence, corrected for {count} by Holm's method (1979). A difference is called significant below
        {LEVEL}. All this is about the models as they were trained here, once each. It does not say that one method is
        better than another: that takes several trainings of each, with other seeds."""
    )
