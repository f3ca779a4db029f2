"""The JSON documents of the contract: their shapes, writing them, reading them back."""
