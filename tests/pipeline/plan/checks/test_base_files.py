"""Files of weights with flipped bits, as far as they are looked at without torch."""

from __future__ import annotations

import zipfile

from tests.pipeline.project import Project, weights_file
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.model_files import check_base
from xtts_finetune.pipeline.plan.disk import weights_bytes


def test_no_flipped_bit_is_an_unexpected_error(project: Project) -> None:
    """What zipfile raises depends on the bit: another version, a password, letters that are none."""
    base = project.folder / "base"
    whole = weights_file()
    table = range(whole.rfind(b"PK\x01\x02"), len(whole))
    found = set()
    for position in [*range(40), *table]:
        for bit in range(8):
            content = bytearray(whole)
            content[position] ^= 1 << bit
            (base / "model.pth").write_bytes(content)
            weights_bytes(base / "model.pth")
            check_base(str(base))
            found.add(check_base(str(base), deep=True).verdict)
    assert found == {Verdict.OK, Verdict.ERROR}


def test_an_archive_of_something_else(project: Project) -> None:
    with zipfile.ZipFile(project.folder / "base" / "dvae.pth", "w") as archive:
        archive.writestr("readme.txt", "no weights")
    assert "dvae.pth: this is a zip archive, not a model" in check_base(str(project.folder / "base")).found
