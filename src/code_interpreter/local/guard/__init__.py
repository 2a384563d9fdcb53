"""The process that ends with its sandbox, and sees that nothing is left."""
