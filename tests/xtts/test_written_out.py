from __future__ import annotations

import subprocess
import sys

import pytest

from xtts_finetune.xtts.cleaning import cleaning_problem
from xtts_finetune.xtts.written_out import written_out

TEXTS = [
    ("en", 'Mrs. Whitaker paid $412 at 6:30, 50% of it on the 3rd of May, 1911 & more @ "St. John".'),
    ("de", "Dr. Müller hat 23 Äpfel, z.B. 3,5 kg & mehr, am 3. Mai."),
    ("hu", "Dr. Kovács 12 almát és 3 körtét vett, 50% engedménnyel."),
    ("es", "El Sr. García tiene 21 años y 3,5 € & más."),
    ("fr", "M. Dupont a 71 ans, le 1er mai, et 80 % de Mme. Roux."),
    ("ru", "У него 25 книг и 3 тетради."),
    ("tr", "Bay Öz 12 elma aldı."),
]


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_it_is_what_coquis_cleaner_makes_of_the_text(language: str, text: str):
    assert cleaning_problem(text, language) is None
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

    assert written_out(text, language).split() == VoiceBpeTokenizer().preprocess_text(text, language).split()


def test_torch_is_not_loaded_for_it():
    code = "import sys; from xtts_finetune.recordings.words.spoken import spoken_form as s\n"
    code += "print(s('Mr. Bell is 23', 'en'), '|', s('No number.', 'en'), '|', s('日本', 'ja'), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "mister bell is twenty-three |  |  False"
