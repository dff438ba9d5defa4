"""Planning: jobs, time, memory and disk of a run by arithmetic, before anything of it runs."""
