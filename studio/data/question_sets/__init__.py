"""Afina's own questions: general knowledge with checkable answers, and questions that no company's examples answer.

Package data in JSON, sixty of each kind a language; :mod:`studio.data.question_sets.loader` reads it. Imports
:mod:`studio.data.text` at most.
"""
