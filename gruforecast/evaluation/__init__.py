"""How good a model is, and whether by luck: splits, metrics, calibration, leaderboard, verdict."""
