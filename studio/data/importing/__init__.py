"""From a file to examples: readers, tables, headers, columns, message logs. Imports `studio.data.text` and `limits` only."""
