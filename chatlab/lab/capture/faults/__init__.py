"""The faults that captured software meets, and the origin server that plays them."""
