"""What several models are made of: words, TF-IDF, encoders, support vector machines, how a decision is split into contributions."""
