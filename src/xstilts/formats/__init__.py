"""What lies in files, row by row, each row with the line it begins on. Nothing here knows of tasks."""
