"""`reports/comparison.md`: the comparison as a page that reads well raw and rendered."""

import textwrap
from collections.abc import Sequence

from fer.emotions import EMOTIONS
from fer.evaluation.compare import Pair, Result, ranking
from fer.evaluation.original import DATASET, ORIGINAL, ORIGINAL_LEAKED_FACES, ORIGINAL_TEST_FACES

LEVEL = 0.05
NONE = "–"
WIDTH = 110

# What the columns test and combined hold under each `split.protocol`.
_UNSEEN = "the faces that neither training nor any choice has seen"
_SELECTED = "it contains the faces on which the epoch was chosen, so it flatters every model a little"
_MEANING = {
    "official": (_UNSEEN, f"val and test together; {_SELECTED}: for comparison only"),
    "stratified": (_UNSEEN, "the two official test sets together; val is cut from the training faces here"),
    "combined": (f"the two official test sets together; {_SELECTED}", "the same faces as test"),
}


def page(results: Sequence[Result], pairs: Sequence[Pair], dataset: str, protocol: str) -> str:
    """The whole report as Markdown.

    Args:
        results: the models, with their metrics and their answers on test.
        pairs: what `compare.paired` found for them.
        dataset: `data.dataset`; only for FER2013 are the original work's figures shown beside ours.
        protocol: `split.protocol`; it decides what test and combined hold.
    """
    ranked = ranking(results)
    parts = [
        "# Comparison of the models",
        _headline(ranked, dataset, protocol),
        "## Accuracy in percent",
        _accuracy_table(ranked, dataset),
        _accuracy_notes(ranked, dataset, protocol),
        "## Recall per emotion on test, in percent",
        _recall_table(ranked),
        _wrap(
            """The share of an emotion's test faces that the model recognises. `balanced` is their mean, in
            which a rare emotion counts as much as a frequent one."""
        ),
    ]
    if pairs:
        parts += ["## Which of these trainings differ", _pair_table(pairs), _pair_notes(pairs)]
    return "\n\n".join(parts) + "\n"


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


def percent(share: float | None) -> str:
    """A share as percent with one decimal; a dash where there is none."""
    return NONE if share is None else f"{100 * share:.1f}"


def _interval(metrics: Result, subset: str) -> str:
    low, high = metrics.value(subset, "accuracy_low"), metrics.value(subset, "accuracy_high")
    return f"{percent(metrics.value(subset))} ({percent(low)} to {percent(high)})"


def _headline(ranked: Sequence[Result], dataset: str, protocol: str) -> str:
    best = ranked[0]
    name = {DATASET: "FER2013", "drawn": "the embedded set of drawn faces"}.get(dataset, f"`{dataset}`")
    frequent = best.test["actual"].value_counts(normalize=True)
    seen = "val among them" if protocol == "combined" else "which no choice has seen"
    return _wrap(
        f"""On {name}, **{best.name}** is the best of {len(ranked)} on val ({percent(best.value("val"))} %),
        by which models are chosen. On the {len(best.test):,} test faces, {seen}, it
        recognises **{percent(best.value("test"))} %**. Always answering {frequent.index[0]} would score
        {percent(float(frequent.iloc[0]))} %."""
    )


def _accuracy_table(ranked: Sequence[Result], dataset: str) -> str:
    header = [
        "model",
        "test (95 % interval)",
        "single view",
        "unseen",
        "combined",
        "val",
        "parameters",
        "epochs",
    ]
    rows = []
    for result in ranked:
        row = [result.name, _interval(result, "test")]
        row += [percent(result.value(name)) for name in ("test_single_view", "test_unseen", "test_combined", "val")]
        row += [
            f"{result.metrics['parameters']:,}",
            f"{result.metrics['epochs']}",
        ]
        if dataset == DATASET:
            row.insert(5, _theirs(result.name))
        rows.append(row)
    if dataset == DATASET:
        header.insert(5, "original work")
    return table(header, rows)


def _theirs(name: str) -> str:
    # With the digits that the original work gives: 69.99, not 70.0.
    return f"{100 * ORIGINAL[name]:.4g}" if name in ORIGINAL else NONE


def _accuracy_notes(ranked: Sequence[Result], dataset: str, protocol: str) -> str:
    held, both = _MEANING.get(protocol, _MEANING["official"])
    notes = [
        f"""**test**: {held}, with test-time augmentation (`evaluate.tta`). The interval (Wilson 1927) says how
        far other faces could move the number; another training seed may fall outside.""",
        "**single view**: the same faces, each seen once.",
        "**unseen**: the part of test that has no copy in train or val.",
        f"**combined**: {both}.",
        """**val**: the selection set. Each model's best epoch was picked here, so this number is
        optimistic.""",
        "**epochs**: of the whole training, all phases together. Times are in `metrics/times/`.",
    ]
    if dataset == DATASET:
        notes.insert(
            4,
            f"""**original work**: what the project that this one starts from reports, on PublicTest and
            PrivateTest together. Compare it with *combined*, and know that it was validated on a split made
            after augmenting, and that {ORIGINAL_LEAKED_FACES} of its {ORIGINAL_TEST_FACES:,} unique test
            images also lie in its training pool.""",
        )
    detected = [result for result in ranked if result.value("test_detected") is not None]
    if detected:
        scores = ", ".join(f"{result.name} {percent(result.value('test_detected'))}" for result in detected)
        notes.append(
            f"""Landmark models answer for every face, found or not. On the test faces with landmarks alone
            they score: {scores}."""
        )
    return "\n".join(_wrap(f"- {note}", indent="  ") for note in notes)


def _recall_table(ranked: Sequence[Result]) -> str:
    counts = ranked[0].test["actual"].value_counts()
    rows = [
        [emotion, f"{int(counts.get(emotion, 0)):,}", *[percent(result.recall(emotion)) for result in ranked]]
        for emotion in EMOTIONS
    ]
    balanced = [percent(result.value("test", "balanced_accuracy")) for result in ranked]
    rows.append(["balanced", f"{int(counts.sum()):,}", *balanced])
    return table(["emotion", "faces", *[result.name for result in ranked]], rows)


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
        rows.append([better, other, gain, *[f"{count:,}" for count in only], _p(pair.p_holm), verdict])
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
    number = "one pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    return _wrap(
        f"""Both models of a pair saw the same test faces, so what counts is the faces on which exactly one of
        them is right. `points` is the difference of the two accuracies, with an interval that resamples groups
        of copies (bootstrap); `p` is McNemar's exact test (1947) on the two counts, two-sided, corrected for
        {number} by Holm's method (1979); a difference is called significant below {LEVEL}. This is about the
        models as they were trained here, once each. It does not say that one method is better than another:
        that takes several trainings of each, with other seeds."""
    )


def _wrap(text: str, indent: str = "") -> str:
    """One paragraph cut into lines of `WIDTH`, so that the page also reads well in an editor."""
    text = " ".join(text.split())
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
