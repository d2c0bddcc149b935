"""From a recipe to artifacts: the graph, its price, the store, the workers."""
