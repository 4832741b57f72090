"""Where rows and blobs are kept: SQLite and PostgreSQL behind one port."""
