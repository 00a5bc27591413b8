"""One phase: its child or children started, watched and closed."""
