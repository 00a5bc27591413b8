"""The sentences of the demo: a small grammar over about 550 common English words.

A model of a few million weights that is trained for an hour on two cores can learn to speak a closed
vocabulary, not a language. So pretraining, the recordings of the demo voice and the demo's utterances
all draw on these words; no sentence is in more than one of the three.
"""

from __future__ import annotations

import random
from collections.abc import Iterator


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> list[str]:
    return text.split("|")


PEOPLE = _words(
    "man woman boy girl teacher doctor farmer friend brother sister mother father child king captain sailor dog "
    "cat bird horse neighbor baker driver lady uncle aunt queen nurse student painter singer writer soldier judge "
    "cook guest stranger hunter lawyer daughter son cousin wolf fox bear mouse"
)
THINGS = _words(
    "house book letter river garden window door table train ship road apple bread water coffee milk story picture "
    "paper key box boat car chair coat hat flower tree cake cup clock lamp ball bridge map bag song village "
    "castle church forest mountain island valley market shop office library hospital kitchen ring shirt shoe "
    "glove knife spoon plate bottle basket ladder hammer rope candle mirror blanket pillow piano guitar drum "
    "camera phone radio ticket wheel engine bicycle wagon fence gate wall roof tower fire cloud storm stone field "
    "cheese butter soup orange lemon egg honey pepper"
)
OF_THINGS = _words(
    "old new little big red green blue white black good small warm cold long short dark bright yellow brown gray "
    "heavy light round empty broken clean dirty cheap strange beautiful narrow wide deep sharp smooth golden "
    "wooden thick thin"
)
OF_PEOPLE = _words(
    "old new little big good small quiet young happy tall kind clever brave tired angry hungry lazy friendly "
    "proud rich poor busy famous gentle lonely"
)
DID_SOMETHING = _words(
    "saw found made took bought sold painted carried opened closed lost loved wanted watched liked brought left "
    "cleaned remembered followed broke built drew held kept sent showed threw touched washed fixed moved noticed "
    "received repaired borrowed hid stole chose finished"
)
DO_SOMETHING = _words(
    "see find make take buy sell paint carry open close bring clean remember follow break build draw hold keep "
    "send show throw touch wash fix move borrow hide choose finish"
)
DID = _words(
    "walked slept waited smiled laughed danced arrived worked played stopped turned talked ran sang jumped fell "
    "cried swam stood sat listened whispered shouted returned climbed rested"
)
PLACES = _phrases(
    "in the garden|near the river|at home|by the window|under the tree|on the table|in the kitchen|at school|"
    "behind the house|in the city|over the bridge|at the station|on the hill|by the sea|down the road|"
    "across the field|next to the door|in the forest|at the market|near the church|through the valley|"
    "between the mountains|from the village|outside the castle|around the island|above the clouds|"
    "against the wall|along the beach|beside the fire|into the office|up the stairs|inside the library|"
    "past the hospital|on the roof|at the corner"
)
TIMES = _phrases(
    "in the morning|at night|today|yesterday|after dinner|before lunch|every day|last summer|all day|this evening|"
    "in the winter|on monday|on tuesday|on wednesday|on thursday|on friday|on saturday|on sunday|again|at noon|"
    "last week|in the spring|two years ago|for a long time|very early|very late|before the storm|during the night|"
    "once more|in january|in april|in july|in september|in december|until midnight|after breakfast|at last|"
    "every month"
)
NUMBERS = _words(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
GOODS = _words(
    "books letters apples boats flowers trees cups keys windows chairs cars ships doors houses horses birds "
    "stones rings bottles tickets lemons eggs oranges plates candles bridges"
)
PLURALS = [*GOODS, *_words("friends days boys girls dogs cats")]
DETERMINERS = _words("the the the a a my your this that our his her their every")
HOW = _words("slowly quickly quietly")
OFTEN = _words("never always often")
WILL = _phrases("will|would|must|should|could|can|will not|must not|should not")
PRONOUNS = _words("i you we they he she")
SAID = _phrases(
    "said the man|said the woman|he said|she said|said my mother|said the captain|said the teacher|"
    "asked the child|answered the doctor|said his brother"
)
PHRASES = _phrases(
    "hello|yes|no|please|goodbye|thank you|thank you very much|good morning|good night|good evening|welcome|"
    "come in|come home|sit down|stand up|wait for me|look at me|of course|not now|very good|i am sorry|"
    "how are you|what is your name|what time is it|where are you|see you tomorrow|let us go|i do not know|"
    "be careful|never mind|take your time|it is raining|i am hungry|what do you think|that is right|"
    "give me your hand|follow me|i will be back|do not worry|nobody is here|everything is fine|"
    "have a good journey|what happened|keep quiet"
)

MONTHS = {"january", "april", "july", "september", "december"}
CAPITALISED = MONTHS | {"i", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
FUNCTION_WORDS = _words(
    "one hundred thousand there is are was were and but with who where when why how many can could do did want have "
    "because if while then will would must should not never always often slowly quickly quietly"
)
WORDS = sorted(
    {
        word
        for group in (
            PEOPLE,
            THINGS,
            OF_THINGS,
            OF_PEOPLE,
            DID_SOMETHING,
            DO_SOMETHING,
            DID,
            NUMBERS,
            PLURALS,
        )
        for word in group
    }
    | {word for text in (*PLACES, *TIMES, *PHRASES, *SAID) for word in text.split()}
    | set(FUNCTION_WORDS)
    | set(PRONOUNS)
)


def _noun_phrase(rng: random.Random, nouns: list[str]) -> str:
    words = [rng.choice(DETERMINERS)]
    if rng.random() < 0.55:
        words.append(rng.choice(OF_PEOPLE if nouns is PEOPLE else OF_THINGS))
    words.append(rng.choice(nouns))
    if words[0] == "a" and words[1][0] in "aeiou":
        words[0] = "the"
    return " ".join(words)


def _subject(rng: random.Random) -> str:
    return rng.choice(PRONOUNS) if rng.random() < 0.25 else _noun_phrase(rng, PEOPLE)


def _ending(rng: random.Random, share: float = 0.7) -> str:
    """Nothing, a place, a time or both."""
    words = [rng.choice(options) for options in (PLACES, TIMES) if rng.random() < share / 1.6]
    return "".join(" " + word for word in words)


def _statement(rng: random.Random) -> str:
    if rng.random() < 0.2:
        return _longer(rng)
    if rng.random() < 0.35:
        return f"{_subject(rng)} {rng.choice(DID)}{_ending(rng, 1.2)}"
    return f"{_subject(rng)} {rng.choice(DID_SOMETHING)} {_noun_phrase(rng, THINGS)}{_ending(rng)}"


def _longer(rng: random.Random) -> str:
    """Two thoughts, or one with how it was done, how often, and what may come."""
    did = f"{_subject(rng)} {rng.choice(DID)}"
    took = f"{_subject(rng)} {rng.choice(DID_SOMETHING)} {_noun_phrase(rng, THINGS)}"
    forms = (
        f"{took}, and {did}",
        f"{took}, but {did}{_ending(rng, 0.5)}",
        f"{did} {rng.choice(HOW)}{_ending(rng)}",
        f"{did} because {took}",
        f"{took} while {did}",
        f"if {did}, {_subject(rng)} {rng.choice(WILL)} {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}",
        f"{_subject(rng)} {rng.choice(WILL)} {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}{_ending(rng)}",
        f"{_subject(rng)} {rng.choice(OFTEN)} {rng.choice(DID_SOMETHING)} {_noun_phrase(rng, THINGS)}{_ending(rng)}",
        f"then {took}{_ending(rng, 0.4)}",
    )
    return rng.choice(forms)


def _counting(rng: random.Random) -> str:
    first, second = (f"{rng.choice(NUMBERS)} {rng.choice(PLURALS)}" for _ in range(2))
    goods = f"{rng.choice(NUMBERS)} {rng.choice(GOODS)}"
    forms = (
        f"there are {first} and {second}{_ending(rng, 0.4)}",
        f"there were {first}{_ending(rng)}",
        f"{rng.choice(('i', 'we', 'they', 'you'))} have {goods}{_ending(rng, 0.3)}",
        f"{first} and {second}",
        f"we bought {goods}{_ending(rng, 0.4)}",
        f"one hundred and {rng.choice(NUMBERS)} {rng.choice(PLURALS)}",
        f"{rng.choice(NUMBERS)} thousand {rng.choice(PLURALS)}",
    )
    return rng.choice(forms)


def _question(rng: random.Random) -> str:
    forms = (
        f"where is {_noun_phrase(rng, rng.choice((THINGS, PEOPLE)))}",
        f"who {rng.choice(DID_SOMETHING)} {_noun_phrase(rng, THINGS)}",
        f"can you {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}",
        f"did {_subject(rng)} {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}{_ending(rng, 0.4)}",
        f"how many {rng.choice(PLURALS)} do you have",
        f"is {_noun_phrase(rng, THINGS)} {rng.choice(OF_THINGS)}",
        f"why did you {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}",
        f"do you want {_noun_phrase(rng, THINGS)}",
    )
    return rng.choice(forms) + "?"


def _description(rng: random.Random) -> str:
    forms = (
        f"the {rng.choice(THINGS)} is {rng.choice(OF_THINGS)} and {rng.choice(OF_THINGS)}",
        f"the {rng.choice(PEOPLE)} is {rng.choice(OF_PEOPLE)} and {rng.choice(OF_PEOPLE)}",
        f"{_noun_phrase(rng, THINGS)} is {rng.choice(PLACES)}",
        f"{_noun_phrase(rng, PEOPLE)} was {rng.choice(('happy', 'quiet', 'cold', 'warm'))}{_ending(rng)}",
        f"{_noun_phrase(rng, THINGS)} and {_noun_phrase(rng, THINGS)}",
        f"we want to {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}{_ending(rng, 0.4)}",
    )
    return rng.choice(forms)


def _quotation(rng: random.Random) -> str:
    inner = rng.choice((rng.choice(PHRASES), f"please {rng.choice(DO_SOMETHING)} {_noun_phrase(rng, THINGS)}"))
    said = rng.choice(SAID)
    inner = inner[0].upper() + inner[1:]
    return f'{said}, "{inner}."' if said in ("he said", "she said") else f'"{inner}," {said}.'


def _written(text: str) -> str:
    """With capital letters ('I' and the days too) and a mark at the end where there is none."""
    words = [word.capitalize() if word.rstrip('.?,"') in CAPITALISED else word for word in text.split(" ")]
    text = " ".join(words)
    if text[0] != '"':
        text = text[0].upper() + text[1:]
    if text[-1] in '.?"':
        return text
    return text + ("?" if text.split(" ")[0] in ("How", "What", "Where") and " " in text else ".")


def sentence(rng: random.Random) -> str:
    """One ordinary sentence of 3 to about 14 words."""
    forms = (_statement, _counting, _question, _description, _quotation)
    return _written(rng.choices(forms, weights=(45, 15, 18, 14, 8))[0](rng))


def fragment(rng: random.Random) -> str:
    """A word or a short phrase: what a model learns to align first, and what one-word requests need."""
    draw = rng.random()
    if draw < 0.25:
        return _written(rng.choice(PHRASES))
    if draw < 0.55:
        return _written(rng.choice(WORDS))
    if draw < 0.75:
        return _written(_noun_phrase(rng, rng.choice((PEOPLE, THINGS))))
    if draw < 0.85:
        return _written(f"{rng.choice(NUMBERS)} {rng.choice(PLURALS)}")
    return _written(rng.choice((rng.choice(PLACES), rng.choice(TIMES), f"{_subject(rng)} {rng.choice(DID)}")))


def sentences(seed: int, share_of_fragments: float, avoid: frozenset[str] = frozenset()) -> Iterator[str]:
    """Endless sentences and fragments; none is in `avoid`, which holds sentences in lower case."""
    rng = random.Random(seed)
    while True:
        text = fragment(rng) if rng.random() < share_of_fragments else sentence(rng)
        if text.lower() not in avoid:
            yield text
