"""vocab.json of the demo base: a BPE tokenizer file as XTTS reads it, trained on the demo's sentences.

XTTS hands it text such as `[en]the[SPACE]old[SPACE]man.`. With every word of the demo a token of its own, the model
has one token to align with one stretch of sound; any other word is spelled out, and no letter is unknown.
"""

from __future__ import annotations

import string
from pathlib import Path

from lexicon import WORDS
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.trainers import BpeTrainer

SPECIALS = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]"]
"""In this order: [STOP] must be 0 and [UNK] 1."""
LETTERS = list(string.ascii_lowercase + "áàâäãåæçéèêëíìîïñóòôöőõøúùûüűýœß" + string.digits + ".,?!:;'\"-()")
SIZE = 1000


def write_vocabulary(path: Path) -> None:
    """Train on the words alone; each becomes one token, its pieces the tokens that other words are spelled with."""
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    trainer = BpeTrainer(special_tokens=SPECIALS, vocab_size=SIZE, initial_alphabet=LETTERS, show_progress=False)
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.save(str(path))
