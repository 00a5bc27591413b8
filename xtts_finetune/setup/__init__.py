"""Setting up a new voice: look at its recordings, choose values that suit them, write the declaration."""
