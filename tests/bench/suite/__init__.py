"""Compares Carillon with its peers on this machine; tests/bench/run starts it."""
