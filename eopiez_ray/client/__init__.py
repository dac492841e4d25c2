"""The client of a gateway: needs neither Ray nor a database driver. ``remote.py`` is what programs see."""
