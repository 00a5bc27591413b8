"""Where the embedded voice and base are."""
