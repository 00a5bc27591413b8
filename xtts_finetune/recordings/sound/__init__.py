"""Sound of recordings as numbers: levels, spectra, speech, disturbances."""
