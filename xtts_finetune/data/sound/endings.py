"""The endings by which recordings are told from other files; what a file really holds is seen when it is opened."""

from __future__ import annotations

from pathlib import PurePath

# The usual ones first: of two files with one name the first is taken.
SOUND_ENDINGS = (
    *(".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma"),
    *(".aiff", ".aif", ".aifc", ".au", ".snd", ".w64", ".rf64", ".caf", ".oga", ".spx", ".mka", ".webm", ".weba"),
    *(".m4b", ".mp2", ".mpga", ".amr", ".awb", ".3ga", ".ac3", ".eac3", ".dts", ".ape", ".wv", ".tta", ".mpc", ".ra"),
)
VIDEO_ENDINGS = (
    *(".mp4", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".ts", ".mts", ".m2ts"),
    *(".vob", ".rm", ".rmvb", ".asf", ".divx"),
)
RECORDING_ENDINGS = (*SOUND_ENDINGS, *VIDEO_ENDINGS)


def is_sound(path: PurePath) -> bool:
    """Whether the ending, in whichever case, is that of a sound."""
    return path.suffix.lower() in SOUND_ENDINGS


def is_recording(path: PurePath) -> bool:
    """Whether the ending, in whichever case, is that of a sound or a video."""
    return path.suffix.lower() in RECORDING_ENDINGS
