"""Checks of a declaration that need more than one value: names, files, what contradicts itself."""
