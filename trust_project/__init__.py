"""Assembly: settings, addresses, processes. Imports the rooms; no room imports it."""
