"""What the parts of the system say, on its way into the one stream of lines."""
