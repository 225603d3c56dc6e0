"""What several models are made of: words, TF-IDF, encoders, support vector machines, paths of decisions."""
