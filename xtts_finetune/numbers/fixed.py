"""What is fixed: the numbers of XTTS's design, and what the base is called among the candidates. No imports."""

# The candidate that nobody trained, which the first phase starts from.
BASE = "base"

SAMPLE_RATE = 22_050  # Hz, of every clip that the model hears
HOP = 256  # samples between two frames of a mel
MEL_CHANNELS = 80
CODE_SAMPLES = 1024  # that one audio code stands for
CODES_A_SECOND = SAMPLE_RATE / CODE_SAMPLES
FRAMES_A_SECOND = SAMPLE_RATE / HOP
CONDITIONING_TOKENS = 32  # what XTTS's perceiver makes of the voice, before text and sound

# The sizes of XTTS v2's GPT, for what a base's config.json does not give; 1024 codes, start and stop.
V2_SIZES = {
    "gpt_layers": 30,
    "gpt_n_model_channels": 1024,
    "gpt_n_heads": 16,
    "gpt_number_text_tokens": 6681,
    "gpt_num_audio_tokens": 1026,
    "gpt_max_text_tokens": 402,
    "gpt_max_audio_tokens": 605,
}

# Where to train and speak, as a declaration and the command line say it.
DEVICE_PATTERN = r"^(auto|cpu|cuda(:[0-9]{1,2})?)$"
DEVICES = "one of 'auto', 'cpu', 'cuda', or one card of several, such as 'cuda:1'"
