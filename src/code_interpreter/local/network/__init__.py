"""What a sandbox in a box may reach: the rules, and the proxy that holds to them."""
