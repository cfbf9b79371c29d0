"""How often the verdict of an exam is wrong: with runs that are made to be known, and with draws of equals."""
