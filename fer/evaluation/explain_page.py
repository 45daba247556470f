"""`reports/explanations.md`: what the models go by, as a page. All that it says follows from the numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

from fer.emotions import EMOTIONS
from fer.evaluation.markdown import NONE, table, title, wrap

# Where the muscles of each expression move the face: the areas of its prototypical action units in the Facial Action
# Coding System (Ekman, Friesen and Hager, "FACS Investigator's Guide", 2002). The cheeks share an area with the rest of
# the face, so a raised cheek (action unit 6) counts as one of the eyes, which it narrows.
MUSCLES: Mapping[str, tuple[str, ...]] = {
    "angry": ("brows", "eyes", "mouth"),  # 4, 5, 7, 23
    "disgust": ("nose", "mouth"),  # 9, 15, 16
    "fear": ("brows", "eyes", "mouth"),  # 1, 2, 4, 5, 7, 20, 26
    "happy": ("eyes", "mouth"),  # 6, 12
    "sad": ("brows", "mouth"),  # 1, 4, 15
    "surprise": ("brows", "eyes", "mouth"),  # 1, 2, 5, 26
}
REST = "cheeks and rest"
_SHOWN = 2  # areas of an emotion that are named


def page(found: Mapping[str, Mapping[str, Any]], dataset: str) -> str:
    """The whole report as Markdown.

    Args:
        found: of each model, the content of `metrics/explain/<name>.json`.
        dataset: `data.dataset`.
    """
    faces = max(own["faces"] for own in found.values())
    sections = [
        "# What the models go by",
        f"""Data: {title(dataset)}; {faces} faces of val, the same number of each emotion. A heat map shows how much
        each place of a face adds to the evidence for an emotion, which is its logit minus the mean of all seven logits.
        Class activation maps (`cam`; Zhou et al. 2016, Selvaraju et al. 2017) come from the last feature map; occlusion
        (Zeiler and Fergus 2014) hides one part of the face after the other and works for every model.""",
        "## Can the maps be trusted?",
        """*Deletion* is the area under the curve of the predicted emotion's probability while the face is hidden,
        beginning with the places to which the map gives the most evidence; *insertion* is the same while the face is
        shown (Petsiuk et al. 2018). *Random* is the same for random maps that are as smooth: a good map has a lower
        deletion and a higher insertion. *Shuffled* is the rank correlation with the map of the same network after its
        weights were shuffled (Adebayo et al. 2018). Near 1, a map would show the face and not what the network has
        learned.""",
        table(
            ["model", "input", "map", "deletion", "random", "insertion", "random", "shuffled"],
            [row for name, own in found.items() for row in _trust(name, own)],
            left=3,
        ),
        "\n".join(wrap(f"- {text}", indent="  ") for text in _verdicts(found)),
    ]
    for name, own in found.items():
        sections += _model(name, own)
    sections += [
        "## Limits",
        f"""With {faces // len(EMOTIONS)} faces of each emotion, small differences mean nothing. Areas differ in size. A
        network may react oddly to a blurred or missing part, which it has never seen in training. A map shows what the
        prediction of this model depends on, and nothing about what the person feels.""",
    ]
    return "\n\n".join(text if text[:1] in "#|!-" else wrap(text) for text in sections) + "\n"


def _ways(own: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    for key, of_input in own.items():
        if isinstance(of_input, Mapping):
            yield from ((key, method, scores) for method, scores in of_input.items() if method != "areas")


def _trust(name: str, own: Mapping[str, Any]) -> Iterator[list[str]]:
    columns = ("deletion", "deletion_random", "insertion", "insertion_random", "randomised")
    for key, method, scores in _ways(own):
        yield [name, key, method, *(f"{scores[column]:.2f}" for column in columns)]


def _verdicts(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    scores = {f"{name} ({key}, {method})": own for name, of in found.items() for key, method, own in _ways(of)}
    worse = [
        text for text, own in scores.items()
        if own["deletion"] >= own["deletion_random"] or own["insertion"] <= own["insertion_random"]
    ]  # fmt: skip
    yield f"{len(scores) - len(worse)} of {len(scores)} kinds of map beat random ones by both measures."
    if worse:
        yield f"These do not: {', '.join(worse)}."
    correlations = {text: own["randomised"] for text, own in scores.items()}
    least = max(correlations, key=lambda text: abs(correlations[text]))
    yield f"Shuffling the weights changes {least} least: a correlation of {correlations[least]:.2f}."


def _model(name: str, own: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}"
    yield f"![The mean heat map of each emotion, by the {name}](../plots/explain/{name}.png)"
    for key, of_input in own.items():
        if isinstance(of_input, Mapping) and of_input["areas"]:
            yield f"""How much evidence for each emotion is lost when an area of the face is hidden ({key}). The column
                *muscles* names the areas that move in the expression (FACS, Ekman et al. 2002)."""
            yield table(*_areas(of_input["areas"]), left=2)


def _areas(by_emotion: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[list[str]]]:
    names = list(next(iter(by_emotion.values())))
    rows = []
    for emotion, costs in by_emotion.items():
        muscles = MUSCLES.get(emotion, ())
        most = [area for area in sorted(costs, key=costs.__getitem__, reverse=True)[:_SHOWN] if costs[area] > 0]
        # What is no area of its own can't disagree with the muscles.
        marked = [area if area in muscles or area == REST or not muscles else f"**{area}**" for area in most]
        values = [f"{costs[area]:+.2f}" for area in names]
        rows.append([emotion, ", ".join(muscles) or NONE, *values, ", ".join(marked) or NONE])
    return ["emotion", "muscles", *names, "most important (bold: not among the muscles)"], rows
