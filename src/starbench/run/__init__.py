"""What a config resolves to: models, jobs, paths, texts, and what each stage depends on."""
