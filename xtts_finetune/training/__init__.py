"""One phase: a step loop on Coqui's Trainer, until it is done or a rule stops it."""
