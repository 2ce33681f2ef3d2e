"""How REST answers look, whatever they are about: errors, pages, tables, keys, waiting."""
