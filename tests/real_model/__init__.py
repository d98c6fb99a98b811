"""Our classes before a real model that nobody here wrote: `make test-real-model`."""
