"""DATA.html: what was found in the clips, for people."""
