"""Training and test: the split by topic, folds of a cross-validation, questions in other words."""
