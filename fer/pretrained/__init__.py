"""The models that come with the package: outputs of the stage `export`."""
