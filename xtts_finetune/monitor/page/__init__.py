"""The view as a page: live from a server of this computer, or as one file."""
