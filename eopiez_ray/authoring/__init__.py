"""What people write: phases of their own, and plans of them in Python or as documents."""
