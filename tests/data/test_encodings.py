"""Texts in the code pages of every language of XTTS come back as they were written, whoever knows the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtts_finetune.data.readers.encodings import encoding_of

WRITTEN = {
    "hu": ("cp1250 iso8859_2 cp852", "Jó estét kívánok!", "Őszi szél fúj, zörög a fűzfa.", "A következő kérdés nehéz."),
    "pl": ("cp1250 iso8859_2", "Dzień dobry państwu.", "Żółta łódź płynie w górę rzeki.", "Proszę, usiądź."),
    "cs": ("cp1250 iso8859_2", "Dobrý večer, vítejte.", "Příliš žluťoučký kůň úpěl ódy.", "Je to už dávno."),
    "de": ("cp1252 mac_roman cp850", "Schöne Grüße aus München.", "Das Mädchen läuft.", "Ich möchte es hören."),
    "fr": ("cp1252 cp850", "La fête a déjà commencé.", "C'est où que l'élève a trouvé ça?", "Très étonné, ma chère."),
    "es": ("cp1252", "Señoras y señores.", "¿Dónde está la mañana?", "El niño comió aquí también."),
    "pt": ("cp1252", "Não há lições amanhã.", "As ações são boas.", "O avô contou a história da mãe."),
    "it": ("cp1252", "Buonasera, è già tardi.", "Perché non può venire?", "La città è così bella."),
    "nl": ("cp1252", "Eén van de ideeën.", "Het financiële probleem.", "België is klein."),
    "tr": ("cp1254", "İyi akşamlar, izleyiciler.", "Şimdi güneş ışığı güçlü.", "Çok güzel, değil mi?"),
    "ru": ("cp1251 koi8_r cp866", "Добрый вечер, зрители.", "Это очень трудный вопрос.", "Я не знаю."),
    "ar": ("cp1256", "مساء الخير يا أصدقاء", "هذا سؤال صعب جدا", "لا أعرف"),
    "ja": ("cp932 euc_jp", "こんばんは、皆さん。", "これは難しい質問です。", "わかりません。"),
    "zh-cn": ("gb18030", "晚上好，亲爱的观众。", "这是一个很难的问题。", "我不知道。"),
    "ko": ("cp949", "안녕하세요 여러분", "어려운 질문입니다", "모르겠습니다"),
    "en": ("cp1252", "It’s a fine day – isn’t it?", "The “old” café was shut.", "Yes."),
}


@pytest.mark.parametrize("known", [True, False], ids=["language said", "language unknown"])
@pytest.mark.parametrize(("language", "page"), [(code, page) for code in WRITTEN for page in WRITTEN[code][0].split()])
def test_a_code_page_is_told_by_its_letters(tmp_path: Path, language: str, page: str, known: bool) -> None:
    text = "".join(f"clip_{number:03}|{line}\n" for number, line in enumerate(WRITTEN[language][1:]))
    file = tmp_path / "list.csv"
    file.write_bytes(text.encode(page))
    found = encoding_of(file, None, language if known else "")
    assert file.read_bytes().decode(found.codec) == text
    assert found.guessed


def test_what_is_plain_is_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    for encoding in ("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        text = "a|Hello.\nb|Good bye.\n" if encoding == "ascii" else "a|Jó estét!\nb|Őszi fűz.\n"
        file.write_bytes(text.encode(encoding))
        found = encoding_of(file)
        assert not found.guessed
        assert file.read_bytes().decode(found.codec).removeprefix("\ufeff") == text


def test_a_declared_encoding_is_believed(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes("a|Jó estét!\n".encode("cp1250"))
    assert encoding_of(file, "mac_roman").codec == "mac_roman"
