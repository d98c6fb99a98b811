"""Our classes before judges that nobody here wrote."""
