"""Which answer to trust: the owner's own words where that is sure enough, else the tuned model's, else a person.

:mod:`studio.trust.selector` scores the owner's distinct answers for a question; :mod:`studio.trust.calibration` turns
scores into probabilities and a threshold with a promise; :mod:`studio.trust.fitting` makes both from a run's examples;
:mod:`studio.trust.worker` does it in a child process. May import encoders, models, storage and what lies below.
"""
