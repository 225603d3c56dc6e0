"""A run is a folder in which long work is done and watched: jobs, their orders, locks, state and what they use of the machine."""
