"""Readers of file formats: rows with the line number on which each begins. Independent of tasks."""
