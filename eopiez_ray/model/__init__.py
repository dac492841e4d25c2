"""The vocabulary of eopiez: frozen values without I/O. This room depends on no other of ours."""
