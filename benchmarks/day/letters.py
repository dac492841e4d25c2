"""Letters that people might have received, on a few subjects."""

from __future__ import annotations

from random import Random

WORDS = 60
SUBJECTS = {
    "heating": "heating boiler radiator cold pipe winter leak plumber repair valve temperature kitchen",
    "delivery": "order parcel delivery late courier address refund warehouse invoice damaged box customer",
    "language": "language grammar teacher lesson word pronounce learn course student dictionary verb school",
    "football": "football match goal team referee stadium league coach penalty season supporter victory",
    "sea": "ship storm harbour captain sailor wave anchor island voyage mast rope wind",
    "garden": "garden rose soil spade seed tomato compost hedge lawn spring watering bee",
}
FILLERS = ("the", "a", "of", "and", "to", "in", "we", "was", "that", "it", "with", "for", "again", "on", "our", "as")


def letters(count: int, random: Random) -> list[dict[str, str]]:
    """So many documents; each is about one subject."""
    subjects = list(SUBJECTS)
    return [_letter(number, subjects[number % len(subjects)], random) for number in range(count)]


def _letter(number: int, subject: str, random: Random) -> dict[str, str]:
    vocabulary = SUBJECTS[subject].split()
    words = [random.choice(vocabulary if random.random() < 0.5 else FILLERS) for _ in range(WORDS)]
    return {"id": f"{subject}-{number}", "title": f"About the {subject}", "text": " ".join(words) + "."}
