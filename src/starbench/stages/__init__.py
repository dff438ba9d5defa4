"""What a job does, one package a stage."""
