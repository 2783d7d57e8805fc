"""Everything that `fit` decides and trains, from the options to the finished model folder."""
