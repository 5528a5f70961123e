"""What must hold before a model is published; each proof raises, or says what it measured."""
