"""Tests of packager.datasets, on real data and with real failures."""
