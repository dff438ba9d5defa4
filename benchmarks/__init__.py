"""Speed and memory of every stage beside what people use today: ``make bench``."""
