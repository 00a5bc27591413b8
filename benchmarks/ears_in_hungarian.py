"""How well a multilingual Whisper reads Hungarian: 20 sentences by espeak-ng, a robot's voice, without any network.

    python -m benchmarks.ears_in_hungarian --whisper FOLDER      the model's folder, or its name where it is installed

Wants the program espeak-ng. Every attempt to open a connection is an error and would be reported.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

from xtts_finetune.data.hearing.ears import Ears, whisper_model
from xtts_finetune.evaluation.instruments.characters import character_error_rate, word_error_rate
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.evaluation.instruments.recognisers import Whisper

SENTENCES = (
    "Jó estét kívánok, üdvözlöm a kedves nézőket.",
    "A következő kérdés nem könnyű, de van még ideje.",
    "Biztos benne, hogy ez a végleges válasza?",
    "A vonat reggel hét órakor indul a pályaudvarról.",
    "Tegnap este sokáig esett az eső a városban.",
    "A nagymamám minden vasárnap süteményt sütött.",
    "Kérek szépen egy kávét és egy pohár vizet.",
    "A gyerekek a kertben játszanak a kutyával.",
    "Holnap elutazunk a barátainkhoz a Balatonra.",
    "Nem tudom, hová tettem a szemüvegemet.",
    "A tanár felírta a mondatot a táblára.",
    "Ez a könyv sokkal érdekesebb, mint a másik.",
    "Mennyibe kerül ez a piros kabát?",
    "Az őszi szél lefújta a leveleket a fákról.",
    "A doktor azt mondta, hogy pihenjek sokat.",
    "Kinyitotta az ablakot, és nézte a csillagokat.",
    "A híd alatt csendesen folyik a széles folyó.",
    "Sajnos ma már nincs több szabad hely.",
    "Ha lesz időm, megírom neked a levelet.",
    "Köszönöm a segítséget, és viszontlátásra.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whisper", help="left out: the best one installed that reads Hungarian")
    given = parser.parse_args()
    tried: list[object] = []
    socket.socket.connect = lambda _, address: _refuse(tried, address)  # type: ignore[method-assign]
    model = whisper_model("hu", Ears("whisper", given.whisper))
    whisper, letters, words = Whisper(model, "hu"), [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(SENTENCES):
            file = Path(folder) / f"{number}.wav"
            subprocess.run(["espeak-ng", "-v", "hu", "-s", "150", "-w", str(file), text], check=True)
            heard = whisper.heard(Sound.of(file))
            letters.append(character_error_rate(text, heard) or 0.0)
            words.append(word_error_rate(text, heard, "hu") or 0.0)
            print(f"{letters[-1]:6.1%}  {text}\n        {heard}")
    print(
        f"{model.name}: letters wrong {fmean(letters):.1%}, words {fmean(words):.1%}; connections tried: {len(tried)}"
    )


def _refuse(tried: list[object], address: object) -> Any:
    tried.append(address)
    raise OSError("no network in this benchmark")


if __name__ == "__main__":
    main()
