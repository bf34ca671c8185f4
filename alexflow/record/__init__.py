"""What happened: events, and what people make of them."""
