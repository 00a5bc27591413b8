"""Make the demo's base from nothing: a miniature XTTS that speaks about 300 English words in four synthetic voices.

    python make_base.py WORK_FOLDER            writes ../base; every stage that WORK_FOLDER already holds is kept

Stages: corpus (speech of flite, which must be installed), mel statistics and DVAE, vocabulary, codes,
pretraining of the GPT. Run make_voice.py first or not: its sentences are left out of the corpus either way.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from base_files import small_gpt, write_base
from codec import reconstruction, slim_dvae, train_dvae
from corpus import Clip, make_corpus, read_corpus
from make_voice import UTTERANCES, recorded_sentences
from mels import coded_mel, write_mel_stats
from pretrain import Schedule, pretrain
from training_data import prepare
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from vocabulary import write_vocabulary
from voices import TARGET, speak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for everything that is not a result; about 2 GB")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent.parent / "base")
    parser.add_argument("--clips-a-voice", type=int, default=1500)
    parser.add_argument("--dvae-steps", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2, help="processes of pretraining; one for each core")
    parser.add_argument("--steps", type=int, default=4450, help="of pretraining")
    args = parser.parse_args()

    torch.set_num_threads(1)  # faster than two at these sizes
    work: Path = args.work
    spoken_elsewhere = frozenset(text.lower() for text in (*UTTERANCES, *recorded_sentences()))
    make_corpus(work / "corpus", args.clips_a_voice, spoken_elsewhere)
    vocabulary, mel_stats = work / "vocab.json", work / "mel_stats.pth"
    if not vocabulary.exists():
        write_vocabulary(vocabulary)
    dvae = _code(work, mel_stats, vocabulary, args.dvae_steps)
    pretrain(work, vocabulary, Schedule(args.steps), every=100, workers=args.workers)
    gpt = small_gpt(vocabulary)
    gpt.load_state_dict(torch.load(work / "pretraining.pt", weights_only=True)["gpt"])
    size = write_base(args.to, gpt, dvae, mel_stats, vocabulary)
    print(f"{args.to}: {size:,} bytes")


def _code(work: Path, mel_stats: Path, vocabulary: Path, dvae_steps: int) -> DiscreteVAE:
    """The DVAE; writes mel_stats.pth, dvae.pt and, with the codes and mels of the corpus, data.pt."""
    clips = read_corpus(work / "corpus")
    order = np.random.default_rng(0).permutation(len(clips))
    if not mel_stats.exists():
        write_mel_stats(mel_stats, [clips[index].audio for index in order[:400]])
    weights, data = work / "dvae.pt", work / "data.pt"
    if weights.exists():
        dvae = slim_dvae().eval()
        dvae.load_state_dict(torch.load(weights, weights_only=True))
    else:
        dvae = train_dvae(_mels([clips[index] for index in order[:4000]], mel_stats), dvae_steps)
        torch.save(dvae.state_dict(), weights)
        target = [Clip(TARGET.name, text, speak(TARGET, text)) for text in recorded_sentences()[:30]]
        print(
            "dvae, clips of its voices:",
            reconstruction(dvae, _mels([clips[i] for i in order[-300:]], mel_stats)),
        )
        print("dvae, the target voice:", reconstruction(dvae, _mels(target, mel_stats)), flush=True)
    if not data.exists():
        torch.save(prepare(clips, dvae, mel_stats, vocabulary), data)
    return dvae


@torch.no_grad()
def _mels(clips: list[Clip], mel_stats: Path) -> list[torch.Tensor]:
    mel = coded_mel(mel_stats)
    return [mel(torch.from_numpy(clip.audio)[None])[0].half() for clip in clips]


if __name__ == "__main__":
    main()
