"""The parts of a drawn face, and how each action unit moves them (see `fer.data.drawing`)."""

from collections.abc import Mapping

import numpy as np

from fer.data.drawing.pen import Pen, curve, ellipse, lowered
from fer.data.drawing.people import Person

Units = Mapping[int, float]


def jaw_drop(units: Units) -> float:
    """How far the chin goes down, in pixels."""
    return 3.2 * units[26] + 0.4 * units[25]


def outline(person: Person, units: Units, points: int = 40) -> np.ndarray:
    """The outline of the head [n, 2]: an ellipse, narrower towards the jaw, the chin as low as the jaw goes."""
    head = ellipse(0, 0, person.width, person.height, points)
    below = np.clip(head[:, 1] / person.height, 0, 1)
    head[:, 0] *= 1 - person.jaw * below**2
    head[:, 1] += jaw_drop(units) * below
    return head


def draw_head(pen: Pen, person: Person, units: Units) -> None:
    """Shoulders, neck, back of the hair, ears and the skin of the face."""
    low = person.height
    pen.fill([(-26, low + 22), (-22, low + 8), (-6, low + 3), (6, low + 3), (22, low + 8), (26, low + 22)], 70)
    pen.fill([(-7, low - 8), (7, low - 8), (8, low + 9), (-8, low + 9)], 0.72 * person.skin)
    if person.hair_length > 0:
        back = ellipse(0, -2, person.width + 2.5, person.height + 1.5, 32)
        back[:, 1] += np.where(back[:, 1] > 0, person.hair_length * 9, 0)
        pen.fill(back, 0.85 * person.hair)
    for side in (-1, 1):
        pen.fill(ellipse(side * person.width, 0.5, 2.0, 4.0), 0.85 * person.skin)
    pen.fill(outline(person, units), person.skin)


def draw_shading(pen: Pen, person: Person, units: Units) -> None:
    """Soft shadows that give the face its relief: sockets, sides of the nose, under lip and chin, cheeks."""
    dark = 0.16 * person.skin
    drop = jaw_drop(units)
    shadows = []
    for side in (-1, 1):
        shadows += [
            (ellipse(side * person.eye_x, person.eye_y - 0.8, person.eye_width + 1.4, 2.9), dark),
            (ellipse(side * 2.3, 0.5, 1.0, 4.2), 0.7 * dark),
            (ellipse(side * 8.8, 6.5 - 1.2 * units[12], 2.6, 2.2), -0.35 * dark - 14 * units[6]),
            (ellipse(side * (person.width - 1.5), 6, 2.0, 9.0), 0.8 * dark),
        ]
    low = person.mouth_y + 3.6 + drop - 0.9 * units[17]
    shadows += [
        (ellipse(0, low, 3.2, 0.9), dark + 10 * units[17]),
        (ellipse(0, person.nose_y + 1.9, person.nose_width, 0.9), dark),
        (ellipse(0, 0.5, 0.8, 4.5), -0.5 * dark),
        (ellipse(0, -12, 6, 3.5), -0.4 * dark),
    ]
    pen.shade(shadows, 1.1)
    if person.beard:
        jaw = outline(person, units)
        jaw = jaw[jaw[:, 1] > 4]
        inner = curve((-0.55 * person.width, 4), (0, person.mouth_y + 2.5 + drop), (0.55 * person.width, 4), 16)
        strength = person.beard * (person.skin - person.hair)
        pen.shade([(np.concatenate([jaw[np.argsort(-jaw[:, 0])], inner]), strength)], 0.9)


def draw_wrinkles(pen: Pen, person: Person, units: Units) -> None:
    """Lines that an expression folds into the skin."""
    skin, eye_y = person.skin, person.eye_y
    raised = units[1] + units[2]
    if raised > 0.7:
        for y in (-10.6, -12.4):
            pen.line(curve((-6, y + 0.4), (0, y), (6, y + 0.4)), skin * (1 - 0.07 * raised), 0.45)
    if units[4] > 0.25:
        for side in (-1, 1):
            pen.line([(side * 1.0, eye_y - 3.6), (side * 1.3, eye_y - 0.9)], skin * (1 - 0.3 * units[4]), 0.5)
    if units[9] > 0.2:
        for y in (eye_y + 1.2, eye_y + 2.8):
            fold = curve((-2.0, y + 0.5), (0, y - 0.4), (2.0, y + 0.5))
            pen.line(fold, skin * (1 - 0.28 * units[9]), 0.5, relief=2)
    folded = max(units[12], 0.9 * units[9], 0.8 * units[10])
    if folded > 0.15:
        for side in (-1, 1):
            wing = (side * (person.nose_width + 0.6), person.nose_y - 0.4 - units[9])
            end = (side * (person.mouth_width + 2.2 + 1.2 * units[12]), person.mouth_y - 1.2 * units[12])
            middle = (side * (person.mouth_width + 0.9 + 1.6 * units[12]), (wing[1] + end[1]) / 2 - 0.4)
            pen.line(curve(wing, middle, end), skin * (1 - 0.2 * folded), 0.7)
    if units[6] > 0.3:
        for side in (-1, 1):
            x = side * (person.eye_x + person.eye_width + 0.6)
            for rise in (-0.7, 0.6):
                pen.line([(x, eye_y + 0.3), (x + side * 1.7, eye_y + 0.3 + rise)], skin * (1 - 0.2 * units[6]), 0.4)


def draw_eye(pen: Pen, person: Person, units: Units, side: int) -> None:
    """One eye: lids, white, iris and pupil. `side` is -1 for the left of the image, 1 for the right."""
    x, y, width = side * person.eye_x, person.eye_y, person.eye_width
    upper = 1.15 * person.eye_open * (1 + 0.75 * units[5] - 0.3 * units[7] - 0.25 * units[6])
    upper *= 1 - 0.6 * units[43]
    upper -= 0.35 * units[9]
    lower = 0.75 * person.eye_open * (1 + 0.15 * units[5] - 0.55 * units[7] - 0.6 * units[6]) - 0.3 * units[9]
    upper, lower = max(upper, 0.25), max(lower, 0.05)
    inner, outer = (x - side * width, y + 0.25), (x + side * width, y - 0.1)
    top = curve(inner, (x, y - upper), outer, 13)
    bottom = curve(outer, (x, y + lower), inner, 13)
    lid = np.concatenate([top, bottom])
    pen.fill(lid, min(0.8 * person.skin + 70, 245), relief=0.5)
    radius = 1.25
    iris = ellipse(x, y - 0.1, radius, radius, 16)
    limit = np.interp(iris[:, 0] * side, top[:, 0] * side, top[:, 1])
    floor = np.interp(iris[:, 0] * side, bottom[::-1, 0] * side, bottom[::-1, 1])
    iris[:, 1] = np.clip(iris[:, 1], limit, np.maximum(floor, limit))
    pen.fill(iris, person.iris, relief=0.5)
    pupil = ellipse(x, y - 0.1, 0.55, min(0.55, (upper + lower) / 2), 10)
    pen.fill(pupil, 8, relief=0.5)
    pen.line(top, min(0.35 * person.skin, 60), 0.55, relief=0.5)
    pen.line(bottom, 0.62 * person.skin, 0.35, relief=0.5)
    crease = curve((inner[0], y - 0.9), (x, y - upper - 1.0 + 0.5 * units[5]), (outer[0], y - 0.9))
    pen.line(crease, 0.75 * person.skin, 0.4, relief=0.5)
    bag = curve((inner[0], y + 1.1), (x, y + lower + 1.0), (outer[0], y + 0.8))
    pen.line(bag, person.skin * (0.9 - 0.15 * max(units[6], units[7])), 0.45)


def draw_brow(pen: Pen, person: Person, units: Units, side: int) -> None:
    """One eyebrow, from its inner to its outer end."""
    y = person.eye_y - person.brow_gap
    frown = units[4] * (1 - 0.65 * units[1])
    inner = (
        side * (person.eye_x - 4.0 - 0.9 * units[4]),
        y + 0.3 - person.brow_slope - 2.3 * units[1] + 2.0 * frown + 0.7 * units[9],
    )
    middle = (
        side * (person.eye_x + 0.3),
        y - 0.6 - 1.1 * units[1] - 1.7 * units[2] + 1.5 * frown + 0.4 * units[9],
    )
    outer = (
        side * (person.eye_x + 3.9),
        y + 0.6 + person.brow_slope - 2.0 * units[2] + 0.6 * frown + 0.3 * units[1],
    )
    top = curve(inner, middle, outer, 11)
    weight = person.brow_weight * np.linspace(1.0, 0.45, 11)
    under = lowered(top, 1.2 * weight)
    pen.fill(np.concatenate([top, under[::-1]]), min(0.55 * person.hair + 8, 0.5 * person.skin), relief=0.8)


def draw_nose(pen: Pen, person: Person, units: Units) -> None:
    """Tip, wings and nostrils."""
    y, width, skin = person.nose_y - 0.9 * units[9], person.nose_width + 0.4 * units[9], person.skin
    pen.line(curve((-0.9, -2.5), (-1.2, y - 2.5), (-1.6, y - 1)), 0.82 * skin, 0.5, relief=2.5)
    pen.fill(ellipse(0, y - 0.5, 1.1, 1.0), min(1.1 * skin, 250), relief=4)
    for side in (-1, 1):
        wing = curve((side * (width - 0.9), y - 1.6), (side * width, y - 0.2), (side * (width - 0.8), y + 0.8))
        pen.line(wing, 0.66 * skin, 0.55, relief=2.0)
        pen.fill(ellipse(side * 0.48 * width, y + 0.75, 0.75, 0.42, 10), 0.3 * skin, relief=3.0)
    pen.line(curve((-0.9, y + 1.0), (0, y + 1.3), (0.9, y + 1.0)), 0.7 * skin, 0.4, relief=3.5)


def draw_mouth(pen: Pen, person: Person, units: Units) -> None:
    """Lips, the gap between them, teeth, moustache."""
    y, skin = person.mouth_y - 0.3 * units[17], person.skin
    press = 1 - 0.6 * units[23] - 0.15 * units[12]
    half = person.mouth_width + 1.7 * units[12] + 1.5 * units[20] - 0.3 * units[15] - 0.5 * units[23]
    half -= 1.1 * units[26] * (1 - units[12]) * (1 - units[20])
    opening = 0.9 * units[25] + 3.0 * units[26]
    corner = y + person.mouth_curve * 0.7 - 2.1 * units[12] + 2.0 * units[15] + 0.5 * units[20] + 0.35 * opening
    lift = 1.3 * units[10] + 0.6 * units[9] + 0.25 * units[12]
    upper = y - lift - 0.15 * opening
    lower = y + opening - 0.4 * lift * (units[25] < 0.2) + 0.4 * units[15] - 0.7 * units[17]
    lower = max(lower, upper)
    left, right = (-half, corner), (half, corner)
    gap_top, gap_bottom = curve(left, (0, upper), right, 15), curve(left, (0, lower), right, 15)
    bow = np.abs(np.linspace(-1, 1, 15))
    thick = 1.25 * person.lips * press * (1 - bow**2.5)
    top = lowered(gap_top, -thick * (0.8 + 0.35 * np.sin(np.pi * bow)))
    bottom = lowered(gap_bottom, 1.45 * thick)
    lip = 0.66 * skin
    pen.fill(np.concatenate([top, gap_top[::-1]]), 0.93 * lip, relief=1.2)
    pen.fill(np.concatenate([gap_bottom, bottom[::-1]]), 1.08 * lip, relief=1.2)
    if lower - upper > 0.35:
        pen.fill(np.concatenate([gap_top, gap_bottom[::-1]]), 22, relief=0.8)
        teeth = min(1.3, 0.55 * (lower - upper)) * (1 - 0.6 * units[26])
        rim = lowered(gap_top[2:-2], teeth * (1 - bow[2:-2] ** 2))
        pen.fill(np.concatenate([gap_top[2:-2], rim[::-1]]), min(0.75 * skin + 70, 240), relief=0.8)
    else:
        pen.line(gap_top, 0.33 * skin, 0.5, relief=1.2)
    for side in (-1, 1):
        pen.fill(ellipse(side * half, corner, 0.5, 0.5, 8), 0.5 * skin, relief=0.8)
    if person.moustache:
        hair = np.concatenate([top - (0, 0.3), top[::-1] - (0, 1.9)])
        pen.fill(hair, 0.6 * person.hair + 0.15 * skin, relief=1.5)


def draw_hair(pen: Pen, person: Person) -> None:
    """Hair on top, down to a hairline with a parting, and the strands at the sides."""
    crown = ellipse(0, -1, person.width + 1.4, person.height + 1.2 + 0.8 * abs(person.parting), 48)
    crown = crown[crown[:, 1] < -0.3 * person.height]
    crown = crown[np.argsort(crown[:, 0])]
    line = -person.hairline * person.height
    left, right = crown[0], crown[-1]
    peak = (np.clip(3.5 * person.parting, -6, 6), line)
    temples = (-0.72 * person.width, 0.8 * line), (0.72 * person.width, 0.8 * line)
    rim = np.concatenate(
        [curve(right, (0.93 * person.width, 0.62 * line), temples[1], 5), [peak], [temples[0]], [left]]
    )
    rim = np.concatenate([rim[:5], curve(temples[1], peak, temples[0], 9)[1:], rim[-1:]])
    pen.fill(np.concatenate([crown, rim]), person.hair)
    for start in np.linspace(-0.6, 0.6, 5) * person.width:
        strand = curve((start, -person.height), (1.1 * start + peak[0] / 3, 1.25 * line), (1.25 * start, 1.05 * line))
        pen.line(strand, min(1.12 * person.hair + 6, 235), 0.3)
    if person.hair_length > 0.5:
        for side in (-1, 1):
            x, end = side * person.width, person.height * (person.hair_length - 0.5)
            lock = [(0.97 * x, -12), (x * 1.17, -8), (x * 1.2, end), (x * 0.97, end), (x * 0.9, -4)]
            pen.fill(lock, 0.9 * person.hair)


def draw_glasses(pen: Pen, person: Person) -> None:
    """Thin frames."""
    for side in (-1, 1):
        rim = ellipse(side * person.eye_x, person.eye_y + 0.3, person.eye_width + 0.9, 2.9, 24)
        pen.line(np.concatenate([rim, rim[:1]]), 0.25 * person.skin, 0.4, relief=1)
    inner = person.eye_x - person.eye_width - 0.9
    pen.line([(-inner, person.eye_y), (inner, person.eye_y)], 0.25 * person.skin, 0.4, relief=3)
