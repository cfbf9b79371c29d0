"""What is kept: the database and the files of a workspace."""
