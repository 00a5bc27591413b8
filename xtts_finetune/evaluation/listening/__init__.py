"""The blind listening test: laid down, heard on one page, and its ratings taken in."""
