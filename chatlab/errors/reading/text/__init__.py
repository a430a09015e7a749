"""What a text holds: structures, streams, lines that speak, quotations, words in one spelling."""
