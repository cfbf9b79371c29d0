"""What is learned from: files are read into tables, tables are mapped to conversations, conversations are split."""
