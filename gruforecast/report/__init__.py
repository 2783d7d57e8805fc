"""Results as text, pages and files."""
