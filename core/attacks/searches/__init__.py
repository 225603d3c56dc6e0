"""How an attack looks for its words. A search yields questions and is sent answers; it holds no model."""
