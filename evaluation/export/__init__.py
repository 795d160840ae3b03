"""A trained design as a package of its own, which transformers loads and where archloop is not installed."""
