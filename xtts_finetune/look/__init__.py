"""How everything looks that people open: templates, styles, and what a page may load."""
