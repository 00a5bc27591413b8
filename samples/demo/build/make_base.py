"""Make the demo's base from nothing: a miniature XTTS that speaks about 550 English words in many natural voices.

    python make_base.py WORK --styles kokoro-js/voices      writes ../base; every stage that WORK holds is kept

Stages: corpus, mel statistics, vocabulary, DVAE, codes, pretraining of the GPT, and the network that makes sound of
the GPT's latents. About a night on two cores; killed at any moment, it goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from base_files import small_gpt, write_base
from codec import Spoken, Training, load_dvae, reconstruction
from corpus import Clip, make_corpus, read_corpus
from make_voice import UTTERANCES, recorded_sentences
from mels import coded_mel, write_mel_stats
from pretrain import Schedule, pretrain
from train_preview import heard, train_preview
from training_data import prepare
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from TTS.tts.layers.xtts.gpt import GPT
from vocabulary import write_vocabulary
from voices import phonemes

from xtts_finetune.xtts.speech.latent_mels import LatentMels

STRESS = str.maketrans("", "", "ˈˌː ")
"""Marks that the codes need not tell."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for everything that is not a result; about 4 GB")
    parser.add_argument("--styles", type=Path, required=True, help="the folder `voices` of kokoro-js")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent.parent / "base")
    parser.add_argument("--rounds", type=int, default=12, help="of the corpus")
    parser.add_argument(
        "--dvae-steps", type=int, default=8000, help="without quantising; then three times as many with"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes; one for each core")
    parser.add_argument("--steps", type=int, default=6000, help="of pretraining")
    parser.add_argument("--preview-steps", type=int, default=6000)
    parser.add_argument("--until", choices=("corpus", "codec", "gpt", "base"), default="base")
    given = parser.parse_args()

    torch.set_num_threads(1)  # faster than two at these sizes
    work: Path = given.work
    make_corpus(work / "corpus", given.styles, given.rounds, given.workers)
    if given.until == "corpus":
        return
    vocabulary, mel_stats = work / "vocab.json", work / "mel_stats.pth"
    if not vocabulary.exists():
        write_vocabulary(vocabulary)
    make_codec(work, mel_stats, given.dvae_steps)
    if given.until == "codec":
        return
    code(work, mel_stats, vocabulary)
    pretrain(work, vocabulary, Schedule(given.steps), every=100, workers=given.workers)
    gpt = small_gpt(vocabulary)
    gpt.load_state_dict(torch.load(work / "pretraining.pt", weights_only=True)["gpt"])
    if given.until == "gpt":
        return
    dvae = load_dvae(work / "dvae.pt")
    preview = make_preview(work, gpt, dvae, mel_stats, vocabulary, given.preview_steps)
    size = write_base(given.to, gpt, dvae, preview, mel_stats, vocabulary)
    print(f"{given.to}: {size:,} bytes")


def make_preview(work: Path, gpt: GPT, dvae: DiscreteVAE, mel_stats: Path, vocabulary: Path, steps: int) -> LatentMels:
    """From latents to mels; kept in preview.pt."""
    kept = work / "preview.pt"
    if not kept.exists():
        examples = list(heard(corpus_of(work), gpt, dvae, mel_stats, vocabulary))
        torch.save(train_preview(examples, steps).state_dict(), kept)
    network = LatentMels(gpt.model_dim)
    network.load_state_dict(torch.load(kept, weights_only=True))
    return network.eval()


def corpus_of(work: Path) -> Iterator[Clip]:
    """The corpus without whatever the demo's voice or its models say."""
    return read_corpus(work / "corpus", frozenset(text.lower() for text in (*UTTERANCES, *recorded_sentences())))


def make_codec(work: Path, mel_stats: Path, steps: int) -> DiscreteVAE:
    """The DVAE, trained on all but the last round; writes mel_stats.pth and dvae.pt."""
    clips = list(corpus_of(work))
    if not mel_stats.exists():
        order = np.random.default_rng(0).permutation(len(clips))
        write_mel_stats(mel_stats, [clips[index].audio for index in order[:400]])
    with torch.no_grad():
        mel = coded_mel(mel_stats)
        mels = [mel(torch.from_numpy(clip.audio)[None])[0].half() for clip in clips]
    spoken = [
        Spoken(mel, phonemes(clip.text, clip.voice[0] == "b").translate(STRESS))
        for mel, clip in zip(mels, clips, strict=True)
    ]
    held_out = [each for number, each in enumerate(spoken) if number % 20 == 0]
    learned = [each for number, each in enumerate(spoken) if number % 20]
    dvae = Training(learned, torch.load(mel_stats, weights_only=True), work / "dvae.pt").run(steps)
    print("dvae, held-out clips:", reconstruction(dvae, [each.mel for each in held_out[:200]]), flush=True)
    return dvae


def code(work: Path, mel_stats: Path, vocabulary: Path) -> None:
    """data.pt: the corpus as codes and mels."""
    data = work / "data.pt"
    if data.exists():
        return
    partial = data.with_suffix(".partial")
    torch.save(prepare(corpus_of(work), load_dvae(work / "dvae.pt"), mel_stats, vocabulary), partial)
    partial.replace(data)


if __name__ == "__main__":
    main()
