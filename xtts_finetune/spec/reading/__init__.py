"""Files of a declaration to plain values with their lines, and values to models, each fault in words."""
