"""Use cases of hyperparameter search and cross-validation."""
