"""Stage pretrain: one backbone from another, by masked language modelling at several sizes."""
