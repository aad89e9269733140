"""One process, one port: dashboards, light pages, tiles, vectors, files and numbers of areas."""
