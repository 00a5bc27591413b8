"""The numbers that `init` chooses, and what it takes texts and memory for."""

from __future__ import annotations

import pytest

from xtts_finetune.data.text.language import guess_language
from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.setup.found_data import XTTS_V2_CONFIG
from xtts_finetune.setup.numbers import choose_batches, choose_numbers
from xtts_finetune.spec.made_names import slug
from xtts_finetune.spec.stop_rules import NoImprovement
from xtts_finetune.training.rules.no_improvement import no_improvement
from xtts_finetune.xtts.releases import XTTS_V2

GB = 1_000_000_000


def test_the_first_run_of_this_pipeline_comes_out_as_it_was() -> None:
    """311 clips: 31 held out, 1600 and about 3000 steps, an evaluation about every 100."""
    numbers = choose_numbers(311)
    assert (numbers.eval_clips, numbers.steps_an_epoch) == (31, 94)
    assert numbers.phase1.steps == pytest.approx(1600, rel=0.15)
    assert numbers.phase2.steps == pytest.approx(3000, rel=0.1)
    assert numbers.phase1.eval_every == pytest.approx(100, rel=0.1)
    assert numbers.phase1.patience == 500


@pytest.mark.parametrize("clips", [*range(10, 60), 80, 160, 500, 3000, 40_000, 300_000])
@pytest.mark.parametrize("weights", [8.6e6, 441e6])
def test_numbers_hold_for_any_number_of_clips(clips: int, weights: float) -> None:
    numbers = choose_numbers(clips, weights)
    assert 2 <= numbers.eval_clips <= clips / 2 and numbers.eval_clips <= 320
    for phase in (numbers.phase1, numbers.phase2):
        assert phase.steps <= 15_000
        assert 8 * phase.eval_every <= phase.steps and phase.patience >= 3 * phase.eval_every
        # A phase whose curve is flat is ended by its own rule, well before its steps are over.
        flat = [evaluated_at(step) for step in range(0, phase.steps + 1, phase.eval_every)]
        rule = NoImprovement(rule="no_improvement", steps=phase.patience)
        stopped = [stop for n in range(len(flat)) if (stop := no_improvement(Metrics(evals=flat[: n + 1]), rule))]
        assert stopped and stopped[0].numbers["step"] <= 0.6 * phase.steps


def evaluated_at(step: int) -> EvalRecord:
    return EvalRecord(step, 3.5, 0.03, 3.0, 0.1, 100, 20, 1.0)


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(UserError, match=r"^1 clip can be used"):
        choose_numbers(1)


@pytest.mark.parametrize(
    ("gigabytes", "keys"),
    [
        (80, {"batch_size": 3}),
        (24, {"batch_size": 3}),
        (11, {"batch_size": 3}),
        (8.6, {"batch_size": 3, "optimizer_moments": "bf16"}),
        (6.5, {"batch_size": 3, "train": {"lora": {}}}),
        (4.3, {"batch_size": 3, "gradient_checkpointing": True, "train": {"lora": {}}}),
    ],
)
def test_batches_fit_into_the_memory(gigabytes: float, keys: dict[str, object]) -> None:
    chosen = choose_batches(XTTS_V2.file("model.pth").size, XTTS_V2_CONFIG, 11.6, round(gigabytes * GB), on_gpu=True)
    assert dict(chosen.keys) == keys


@pytest.mark.parametrize("gigabytes", [0.5, 4, 6, 8, 10, 12, 16, 24])
def test_every_step_sees_three_clips(gigabytes: float) -> None:
    chosen = choose_batches(XTTS_V2.file("model.pth").size, XTTS_V2_CONFIG, 11.6, round(gigabytes * GB), on_gpu=True)
    assert chosen.keys["batch_size"] * chosen.keys.get("accumulate", 1) == 3


def test_adapters_take_larger_steps() -> None:
    whole, adapters = (choose_numbers(300, adapters=adapters).phase1 for adapters in (False, True))
    assert float(adapters.learning_rate) == 10 * float(whole.learning_rate)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "en",
            "The old sailor carried a little box over the bridge, and the young woman waited by the window.",
        ),
        ("hu", "Jó estét kívánok! Ez egy új kérdés, és még van ideje, hogy megválaszolja, de nem sok."),
        (
            "de",
            "Guten Abend, meine Damen und Herren, das ist nicht die Frage, die wir heute mit Ihnen lösen.",
        ),
        ("fr", "Bonsoir à tous, c'est une question qui est dans la liste et que vous avez pour la suite."),
        (
            "es",
            "Buenas noches, la pregunta que tenemos para los invitados es muy difícil, pero no es la última.",
        ),
        (
            "it",
            "Buonasera a tutti, questa è la domanda che non è più nella lista, ma con gli amici si risponde.",
        ),
        (
            "pt",
            "Boa noite, esta é a pergunta que não está na lista, mas você tem uma amiga para ajudar com os nomes.",
        ),
        ("pl", "Dobry wieczór, to nie jest pytanie na koniec, ale już do niego się zbliżamy i tak jest."),
        (
            "nl",
            "Goedenavond, dit is de vraag die niet in het boek staat, maar het is ook een vraag van de week.",
        ),
        ("cs", "Dobrý večer, to není poslední otázka, ale již je na řadě a jsem rád, že jste tady se mnou."),
        ("tr", "İyi akşamlar, bu soru çok zor değil ama bir kişi için daha kolay olabilir ve ne de güzel."),
        ("ru", "Добрый вечер, это последний вопрос."),
        ("ar", "مساء الخير، هذا هو السؤال الأخير."),
        ("zh-cn", "晚上好，这是最后一个问题。"),
        ("ja", "こんばんは、これが最後の質問です。"),
        ("ko", "안녕하세요, 이것이 마지막 질문입니다."),
        ("hi", "शुभ संध्या, यह आखिरी सवाल है।"),
        (None, "Budapest, Debrecen, Szeged, Pécs."),
        (None, ""),
    ],
)
def test_texts_tell_their_language_or_nothing(code: str | None, text: str) -> None:
    assert guess_language([text]) == code


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Kovács Ági (új)", "kovacs_agi_uj"), ("voice-2", "voice-2"), ("音声", "voice"), ("  .x ", "x")],
)
def test_names_from_folders(folder: str, name: str) -> None:
    assert slug(folder) == name
