"""The final exam: questions, answers of two models, facts, scores, statistics, verdict. No screens, no database.

Imports `studio.chat` (answers), `studio.data` and below. torch only in the worker process.
"""
