"""The blind listening test: set up, heard on one page, and its ratings taken in."""
