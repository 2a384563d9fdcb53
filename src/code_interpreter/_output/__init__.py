"""What the user holds, and how events become that."""
