"""What the project talks about: events, areas, grids, cubes, granules, products."""
