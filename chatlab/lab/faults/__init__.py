"""What an attempt can meet: faults, samples, recorded exchanges, and scripts of them."""
