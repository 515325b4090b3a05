"""Where Function Compute looks."""

from provisioner.handler import handler, http_handler, initialize, pre_stop

__all__ = ["handler", "http_handler", "initialize", "pre_stop"]
