"""Contexts and the kernels behind them."""
