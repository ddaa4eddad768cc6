"""From raw files to labelled samples: sources, split, samples, spoken. No torch here."""
