"""Attacks that replace words, one after the other: what weighs words, proposes candidates and forbids them, and the session that drives it."""
