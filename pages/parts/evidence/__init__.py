"""The parts of the Evidence page: filters, verdicts, tables, records."""
