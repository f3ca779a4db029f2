"""YAML files to `Desired` values, each with its place."""
