"""Checks of a recipe's own data before anything is trained: rows, labels, duplicates and shots."""
