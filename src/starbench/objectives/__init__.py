"""What a training optimises, one file an objective."""
