"""``python -m eopiez_ray.cli``: the command line, for programs that start it with their own interpreter."""

from . import main

main()
