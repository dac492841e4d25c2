"""The HTTP API: routes by resource, and who may use them."""
