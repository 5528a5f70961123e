"""One module per kind of source; each lists the copies of the data it knows of."""
