"""The machine at hand: files, GPUs, processes, progress, start and end of a process."""
