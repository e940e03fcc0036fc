"""Semi-public helpers, under the module paths of the reference."""
