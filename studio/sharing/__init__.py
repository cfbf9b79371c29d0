"""Sharing: demo links for visitors, and exports to take away."""
