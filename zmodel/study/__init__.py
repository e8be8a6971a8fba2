"""What a study is on disk: storage, budget, fingerprint, and typed records of its trials."""
