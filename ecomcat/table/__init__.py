"""Table files as streams of rows: CSV, TSV, gzip and zip, in any encoding."""
