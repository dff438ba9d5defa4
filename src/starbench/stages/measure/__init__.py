"""Stage measure: what every size of a model costs: time, parameters, bytes."""
