"""A server that speaks: OpenAI's calls, and those that SillyTavern makes to an XTTS server."""
