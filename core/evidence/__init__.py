"""Do the papers' numbers hold? What they print, what was measured here, and how the two meet.

papers     what each paper prints: rows of its tables and figures with caveats, as a data file (assets/evidence/papers.json)
records    what was measured: one file a cell, a header and one line an item, enough to compute every figure again
measures   figures of one record, differences of two, each with its interval
outcomes   what each cell says of a claim, as plain data for page, files and figure
claims     the papers' claims, each judged by a stated rule (assets/evidence/claims.json)
board      the join: which of our cells stands beside which row, and whether the protocol is the same (assets/evidence/links.json)
studies/   the table of studies; each measures its cells by one command
run        measuring: resumable; measuring again and comparing; taking up a finished study's records
"""
