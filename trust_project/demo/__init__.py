"""The demonstration: real data sets sent through the REST API, as any client would send them."""
