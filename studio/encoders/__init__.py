"""Sentence encoders: small models that turn texts into vectors, so that alike meanings lie close together.

:mod:`studio.encoders.catalog` names them, :mod:`studio.encoders.install` fetches them, :mod:`studio.encoders.encoder` runs
them (in child processes only: it imports torch), :mod:`studio.encoders.question_encoder` as they are adapted to customers'
questions. May import models, storage and what lies below.
"""
