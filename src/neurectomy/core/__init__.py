"""What every layer may use: identifiers, clock, errors, codecs. No input or output."""
