"""What stands before every route: who may ask at all, for what, with how much, and for how long."""
