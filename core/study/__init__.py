"""A study attacks some hundred pairs of document and label, drawn equally over label frequencies, and keeps a record of each.

settings   what is asked: checkpoint, data, goal, recipe, pairs
plan       which pairs: eligible, binned by training count, drawn equally (methods.md 5.4)
run        attacking them, over processes, resumable
records    what was found, a line a pair
summary    success with intervals by goal and bin, tail against head
tables     the paper's Tables 3 and 5, Figure 2, and curves, as functions of saved records
follow     every record replayed; saved texts on another checkpoint
texts      records without texts, and the texts put back from the data set
stripping  a study copied without its texts, to be passed on
exports    CSV, parquet, summary.json
vectors    studies of attacks on feature vectors
jobs       studies that outlive the page that started them
"""
