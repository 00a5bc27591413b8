"""What a recogniser hears in a sound, and whether a text agrees with it. Knows no model of speech synthesis."""
