"""Letters about six places, made up word by word: a collection whose themes and motifs are known."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

_PLACES: dict[str, dict[str, list[str]]] = {
    "harbour": {
        "who": ["the harbour pilot", "the crane driver", "the night watch", "a tug crew", "the lock keeper"],
        "did": ["moored", "unloaded", "repaired", "painted", "weighed", "towed"],
        "what": ["the grain ship", "a rusty container", "the mooring lines", "two crates of rope", "the fishing fleet"],
        "when": ["before the spring tide", "at low water", "while the fog lay on the quay", "under the old lighthouse"],
        "note": ["The freight office waits for papers", "Salt got into the winch", "Gulls follow every barge"],
    },
    "orchard": {
        "who": ["the cider maker", "our neighbour's daughter", "the pruning crew", "the beekeeper", "a fruit buyer"],
        "did": ["grafted", "harvested", "pressed", "sorted", "pruned", "tasted"],
        "what": ["the russet apples", "a row of pear trees", "the young rootstock", "six barrels of juice", "plums"],
        "when": ["after the late frost", "when the blossom fell", "in the cool cellar", "between the bee hives"],
        "note": ["The apple press needs a new screw", "Wasps are early", "Sugar runs high in the fruit"],
    },
    "mountain": {
        "who": ["the mountain guide", "a rope team", "the hut warden", "two glaciologists", "the rescue dog"],
        "did": ["crossed", "measured", "climbed", "mapped", "avoided", "photographed"],
        "what": ["the lower glacier", "a wide crevasse", "the summit ridge", "the avalanche cone", "the ice fall"],
        "when": ["before sunrise", "in driving snow", "above the tree line", "with frozen crampons"],
        "note": ["Fresh snow hides the path", "The barometer keeps falling", "Nobody sleeps well at this altitude"],
    },
    "concert": {
        "who": ["the first violin", "our conductor", "the string quartet", "a young cellist", "the hall porter"],
        "did": ["rehearsed", "tuned", "played", "repeated", "recorded", "transposed"],
        "what": ["the slow movement", "the second overture", "an unknown sonata", "the difficult cadenza", "an encore"],
        "when": ["without the score", "to long applause", "in the empty concert hall", "after the interval"],
        "note": ["The organ is half a tone flat", "Tickets are gone for weeks", "Rosin dust hangs in the light"],
    },
    "bakery": {
        "who": ["the master baker", "the apprentice", "the miller's son", "our pastry cook", "the early shift"],
        "did": ["kneaded", "proofed", "baked", "glazed", "scaled", "folded"],
        "what": ["the rye loaves", "the sourdough", "forty butter croissants", "a tray of rolls", "the plaited bread"],
        "when": ["at three in the morning", "in the stone oven", "with yesterday's starter", "on floured linen"],
        "note": ["The flour delivery was short", "Steam makes the crust", "Rye dough wants patience"],
    },
    "observatory": {
        "who": ["the night assistant", "an astronomer", "the telescope operator", "two students", "a dome crew"],
        "did": ["observed", "calibrated", "exposed", "catalogued", "aligned", "followed"],
        "what": ["a faint nebula", "the primary mirror", "the double star", "a comet's tail", "the guiding camera"],
        "when": ["under a moonless sky", "until the clouds came", "near the celestial pole", "at high magnification"],
        "note": ["Seeing was below one arc second", "Dew forms on the lens", "The spectrograph is cold at last"],
    },
}  # fmt: skip
_SMALL_TALK = (
    "Thank you for your last letter.",
    "Please write soon.",
    "I hope that all of you are well.",
    "There is not much else to tell.",
    "We thought of you yesterday.",
    "Give my love to everybody at home.",
    "The weather has been strange this week.",
)


class Letter(NamedTuple):
    """One of them."""

    id: str
    title: str
    text: str
    place: str
    day: str
    """ISO date."""


def letters(count: int, seed: int = 1) -> Iterator[Letter]:
    """Letters from all places in turn; the same seed gives the same."""
    random_ = random.Random(seed)
    places = [*_PLACES]
    for number in range(count):
        place = places[number % len(places)]
        day = date(2021, 1, 1) + timedelta(days=random_.randrange(1400))
        yield Letter(f"letter-{number:05}", f"From the {place}, {day:%B %Y}", _text(random_, place), place, str(day))


def _text(random_: random.Random, place: str) -> str:
    words = _PLACES[place]
    lines = [random_.choice(_SMALL_TALK)]
    for _ in range(random_.randint(4, 9)):
        who, did, what, when = (random_.choice(words[part]) for part in ("who", "did", "what", "when"))
        lines.append(f"{who[0].upper()}{who[1:]} {did} {what} {when}.")
        if random_.random() < 0.4:
            lines.append(f"{random_.choice(words['note'])}.")
    return " ".join([*lines, random_.choice(_SMALL_TALK)])
