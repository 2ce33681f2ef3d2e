"""PostgreSQL, the broker and our own processes, started and stopped by one supervisor.

Standard library only: this package runs before Django is configured, and says in a sentence
what is missing when the machine cannot run the product.
"""
