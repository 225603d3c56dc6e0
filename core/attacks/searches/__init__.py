"""How an attack looks for what to change: words greedily, or points in feature space. A search asks and is told; it holds no model."""
