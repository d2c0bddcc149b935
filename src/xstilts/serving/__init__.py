"""The page and the JSON endpoint of a fitted model."""
