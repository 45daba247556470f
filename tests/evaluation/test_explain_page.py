"""The page on what the models go by."""

from fer.emotions import EMOTIONS
from fer.evaluation import explain_page
from fer.landmarks import areas

GOOD = {"deletion": 0.2, "deletion_random": 0.4, "insertion": 0.7, "insertion_random": 0.5, "randomised": 0.1}
BAD = {**GOOD, "deletion": 0.5, "randomised": -0.8}


def costs(**known: float) -> dict[str, dict[str, float]]:
    """What hiding each area costs: nothing but for those named."""
    return {emotion: {area: known.get(area, 0.0) for area in areas.AREAS} for emotion in EMOTIONS}


def test_the_page_says_which_maps_can_be_trusted_and_where_they_disagree_with_the_muscles():
    found = {
        "small": {"faces": 70, "landmarks": {"areas": costs(nose=1.5, mouth=1.0), "occlusion": GOOD}},
        "other": {"faces": 70, "pixels": {"areas": costs(mouth=2.0), "cam": BAD, "occlusion": GOOD}},
    }
    page = explain_page.page(found, "fer2013")
    assert "2 of 3 kinds of map beat random ones" in page
    assert "These do not: other (pixels, cam)." in page
    assert "Shuffling the weights changes other (pixels, cam) least: a correlation of -0.80." in page
    assert "](../plots/explain/small.png)" in page
    rows = {line.split("|")[1].strip(): line for line in page.split("## small")[1].split("## other")[0].splitlines()
            if line.count("|") > 5}  # fmt: skip
    assert rows["happy"].rstrip(" |").endswith("**nose**, mouth")  # no muscle of a smile moves the nose
    assert "**" not in rows["disgust"]
    assert "**" not in rows["neutral"]
    assert max(map(len, page.split("\n\n")[1].splitlines())) <= 120


def test_every_expression_but_neutral_has_muscles_in_known_areas():
    assert set(explain_page.MUSCLES) == set(EMOTIONS) - {"neutral"}
    assert {area for own in explain_page.MUSCLES.values() for area in own} <= set(areas.AREAS)
    assert explain_page.REST in areas.AREAS


def test_a_model_whose_areas_are_unknown_has_no_table():
    page = explain_page.page({"small": {"faces": 70, "pixels": {"areas": {}, "occlusion": GOOD}}}, "drawn")
    assert "How much evidence" not in page
