"""The parts of the Compare page: a pair of checkpoints on one document, one attack on both, studies on the same pairs."""
