"""From the composed configuration to specs: the last place that sees a DictConfig."""
