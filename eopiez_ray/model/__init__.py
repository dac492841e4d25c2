"""The vocabulary of eopiez: frozen values without I/O. This package depends on no other of ours."""
