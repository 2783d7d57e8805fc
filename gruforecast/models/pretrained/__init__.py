"""The pretrained network: trained once, on synthetic series only, for series that it has never seen."""
