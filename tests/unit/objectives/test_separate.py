"""Which cells of a grid share a model that is trained for them alone."""

from starbench.objectives.separate import Separate
from starbench.objectives.summands import Step, Term
from starbench.sizes import Size, grid_of

GRID = grid_of([Size(1, 4), Size(2, 8), Size(4, 16)])


def test_at_its_own_dimension_every_cell_has_a_model():
    objective = Separate(objective="separate", train_dim="own")
    assert objective.groups(GRID) == [[cell] for cell in GRID]
    assert objective.terms(Step([Size(2, 4)], Size(2, 16))) == [Term(Size(2, 4))]


def test_at_the_full_width_the_cells_of_a_number_of_layers_share_one():
    objective = Separate(objective="separate")
    assert objective.groups(GRID) == [GRID[0:3], GRID[3:6], GRID[6:9]]
    assert objective.terms(Step([Size(2, 4)], Size(2, 16))) == [Term(Size(2, 16))]
