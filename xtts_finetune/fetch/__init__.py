"""Getting a published base: its licence first, then its files, resumable and checked."""
