"""The decided candidate becomes a verified folder for use; the rest is thinned."""
