"""What a person sees: figures that say in a sentence what they show, and widgets to try things."""
