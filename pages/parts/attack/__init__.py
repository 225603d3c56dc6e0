"""The parts of the Attack page: setting, stepping, candidates, replay, certificate, moved embeddings."""
