"""Floor 3: buckets. Objects by `gs://`, `s3://`, `file://` or `memory://` path over obstore; every path is checked here."""
