"""Stage report: tables, figures and a summary, functions of the run's scores."""
