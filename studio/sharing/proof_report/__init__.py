"""What a final exam says, to take away: the sentences, one self-contained page, its PDF, and the figures as files.

The sentences are the same on the Proof page, in the report and on the command line.
"""
