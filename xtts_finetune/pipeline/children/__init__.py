"""The processes that a command starts: how each is told what to do, watched, stopped and explained."""
