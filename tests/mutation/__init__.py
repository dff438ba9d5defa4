"""Mutation testing: small faults are put into the package, and the tests have to notice them.

``python -m tests.mutation --seed 1`` draws 300 faults of all that `operators` can make in the
modules of `targets`, runs the tests of each module on each fault, and prints how many were noticed.
"""
