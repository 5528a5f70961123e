"""Wrong recipes, configs, artifacts and repositories, a folder each, with what must be said."""
