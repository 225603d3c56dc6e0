"""The parts of the Attention page: head and model view, heat maps, rollout, attention of a label."""
