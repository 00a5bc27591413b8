"""Examples of every verb, shown by `--help` and in docs/commands.md; a test parses each of them."""

from __future__ import annotations

from collections.abc import Mapping

# By the verb's function: what each example does, and the command.
EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "start": (
        ("Train the demo, which takes minutes", "run_pipeline --demo"),
        ("Begin with recordings of your own", "xtts-finetune init voices/anna --data recordings"),
        ("See all options of a command", "xtts-finetune listen --help"),
    ),
    "import_": (
        ("Make clips with texts of everything in a folder", "xtts-finetune import recordings --to data/anna"),
        ("With what is said, word for word", "xtts-finetune import talk.mp3 --texts talk.txt --to data/anna"),
    ),
    "review": (("Check what an import is not sure of", "xtts-finetune review data/anna"),),
    "init": (
        ("Answer a few questions in the terminal", "xtts-finetune init voices/anna"),
        ("Without questions", "xtts-finetune init voices/anna --data recordings --language hu --yes"),
        ("After you have added clips", "xtts-finetune init voices/anna --refresh"),
    ),
    "fetch": (
        ("Download XTTS v2; its licence is shown first", "xtts-finetune fetch"),
        ("Take it from a folder that has its files", "xtts-finetune fetch xtts_v2 --from downloads/xtts_v2"),
    ),
    "run": (
        ("See what would run, and why", "run_pipeline -f voices/anna --plan"),
        ("Run everything that is not up to date", "run_pipeline -f voices/anna"),
        ("Train one phase again with another learning rate", "run_pipeline phase2 -f voices/anna --lr 2e-6"),
    ),
    "doctor": (("Check this machine and a voice's config", "xtts-finetune doctor -f voices/anna"),),
    "prepare": (("Check the recordings of a voice", "xtts-finetune prepare -f voices/anna"),),
    "samples": (
        ("Speak what is missing or out of date", "xtts-finetune samples -f voices/anna"),
        ("Let the base and phase1 speak alone", "xtts-finetune samples base phase1 -f voices/anna"),
    ),
    "listen": (
        ("Make a test, to be opened in a browser", "xtts-finetune listen -f voices/anna"),
        ("Take in the ratings that a listener sent", "xtts-finetune listen -f voices/anna --import ratings.json"),
    ),
    "decide": (("Decide again, after listening", "xtts-finetune decide -f voices/anna"),),
    "report": (("Write the report again", "xtts-finetune report -f voices/anna"),),
    "tries": (
        ("List earlier tries", "xtts-finetune tries -f voices/anna"),
        ("Bring one back", "xtts-finetune tries -f voices/anna --restore phase2_20260101"),
    ),
    "ship": (
        ("Write the model that was decided on", "xtts-finetune ship -f voices/anna"),
        ("Write another one", "xtts-finetune ship -f voices/anna --candidate phase1"),
        ("Make it ready for other programs", "xtts-finetune ship -f voices/anna --for alltalk,huggingface"),
    ),
    "say": (
        ("Hear the shipped voice", 'xtts-finetune say "Good morning." -f voices/anna'),
        ("Write a sound file", 'xtts-finetune say "Good morning." -f voices/anna -o hello.wav'),
        ("Hear a phase that has not been shipped", 'xtts-finetune say "Hello." -f voices/anna --candidate phase1'),
    ),
    "speak": (
        ("Speak a table of lines as MP3", "xtts-finetune speak questions.csv --format mp3 -f voices/anna"),
        ("A book, with a model that needs no config", "xtts-finetune speak novel.epub --to novel --model shipped/anna"),
    ),
    "serve": (
        ("Speak for programs of this computer", "xtts-finetune serve -f voices/anna"),
        ("With a model that needs no config", "xtts-finetune serve --model shipped/anna"),
    ),
    "tune_speech": (
        ("Search for what speaks best", "xtts-finetune tune-speech phase2 -f voices/anna"),
        ("On texts of your own", "xtts-finetune tune-speech phase2 --texts questions.txt -f voices/anna"),
    ),
    "monitor": (
        ("Watch in the terminal", "xtts-finetune monitor -f voices/anna"),
        ("Watch in the browser", "xtts-finetune monitor -f voices/anna --web"),
        ("Compare two runs in one picture", "xtts-finetune monitor run/anna run/ben --png curves.png"),
    ),
    "diagnose": (
        ("A phase of your own", "xtts-finetune diagnose phase2 -f voices/anna"),
        ("A log of another trainer", "xtts-finetune diagnose train.log"),
    ),
    "solve": (
        ("Write the remedies and say what each changes", "xtts-finetune solve phase2 -f voices/anna"),
        ("Race them", "xtts-finetune solve phase2 -f voices/anna --race"),
        ("Continue with the winner", "xtts-finetune solve phase2 -f voices/anna --adopt lower-rate"),
    ),
    "search": (
        ("Try 24 points of the search in phase2.yaml", "xtts-finetune search phase2 -f voices/anna --trials 24"),
    ),
    "worker": (("Help with a search that runs elsewhere", "xtts-finetune worker -f voices/anna --idle 600"),),
    "schema": (("Write the schemas next to a config", "xtts-finetune schema --out voices/anna/schemas"),),
}
