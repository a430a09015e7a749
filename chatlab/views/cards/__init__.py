"""A live turn as a card."""
