"""What share of given levels of Sokoban is solved, over the number of simulations."""
