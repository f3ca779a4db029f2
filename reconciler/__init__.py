"""Keeps the covers of videos in Huawei Cloud VOD as a YAML file in git says."""

__version__ = "0.1.0"
