"""What a recipe says, as frozen values that are valid by construction.

Pure: the standard library only. `resolve.to_spec` makes these from the composed configuration;
everything below it in the package works on these and never sees the configuration.

Enum members are spelt as the YAML spells them: OmegaConf matches values by member name.
"""
