"""What runs inside of the jail: only the standard library, since nothing else is visible there."""
