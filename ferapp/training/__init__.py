"""How the shipped weights are made. The only home of torch; nothing but the CLI imports it."""
