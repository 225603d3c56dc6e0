"""Where a study's pairs are attacked: in this process, or in processes beside it."""
