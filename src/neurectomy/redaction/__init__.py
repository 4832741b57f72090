"""Redaction: what is taken out of values before anything is stored, shown or sent to a model."""
