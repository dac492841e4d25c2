"""What the system measures of itself: metrics, how they are kept, and what can be read from them."""
